"""The members of a server and its invitations over REST."""

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework import generics, serializers, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from flows.access.roles import Role
from flows.api.fields import ModelSerializer, Serializer
from flows.api.pagination import Envelope
from flows.api.servers import SERVER_ID, OfServer
from flows.members import changes, invitations
from flows.members.changes import Member, members_of
from flows.models import Invitation
from flows.values.scopes import Scope

USER_ID = OpenApiParameter("userId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The person's id.")
INVITATION_ID = OpenApiParameter(
    "invitationId", OpenApiTypes.INT, OpenApiParameter.PATH, description="The invitation's id."
)
OF_MEMBERS = [each for each in Role.choices if each[0] != Role.OWNER]
CONFLICT = OpenApiResponse(description="It cannot be done as things are; `detail` says what to do instead.")


class Conflict(APIException):
    """It cannot be done with these members; the sentence says what to do instead."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "refused"


class MemberSerializer(Serializer):
    """A person of a server. The owner is one too."""

    id = serializers.IntegerField(source="user.pk", read_only=True, help_text="The person's id.")
    username = serializers.CharField(source="user.get_username", read_only=True)
    role = serializers.ChoiceField(choices=Role.choices, help_text="`owner` transfers the server.")
    since = serializers.DateTimeField(read_only=True)


class InvitationSerializer(ModelSerializer):
    """An invitation without its link."""

    role = serializers.ChoiceField(choices=OF_MEMBERS)
    email = serializers.CharField(
        required=False, allow_blank=True, max_length=254, default="", help_text="For whom it is: nothing is sent there."
    )
    expiresAt = serializers.DateTimeField(source="expires_at", read_only=True)
    createdAt = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = Invitation
        fields = ["id", "role", "email", "expiresAt", "createdAt"]


class ShownInvitationSerializer(InvitationSerializer):
    """An invitation with its link, which is shown this once."""

    link = serializers.CharField(read_only=True, help_text="Whoever opens it first becomes a member.")

    class Meta(InvitationSerializer.Meta):
        fields = [*InvitationSerializer.Meta.fields, "link"]


@extend_schema(parameters=[SERVER_ID])
class MemberList(OfServer, generics.ListAPIView):
    """Who belongs to a server: the owner first, then the members in the order in which they came."""

    scopes = {"GET": Scope.FLOWS_READ}
    serializer_class = MemberSerializer
    pagination_class = Envelope
    filter_backends: list[Any] = []

    def get_queryset(self) -> Any:
        """Everybody of the server."""
        return members_of(self.server)


class MemberDetail(OfServer, generics.GenericAPIView):
    """A person of a server: PATCH changes the role, DELETE ends the membership; everybody may end the own one."""

    serializer_class = MemberSerializer
    scopes = {"PATCH": Scope.PEOPLE_WRITE, "DELETE": Scope.PEOPLE_WRITE}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who leaves needs no right over others: DELETE asks for that itself."""
        super().initial(request, *args, **kwargs)
        if request.method == "DELETE":
            request.user.acting = None  # type: ignore[union-attr]

    def get_object(self) -> Member:
        """The person of the address; raises Http404."""
        for member in members_of(self.server):
            if str(member.user.pk) == self.kwargs["userId"]:
                return member
        raise Http404

    @extend_schema(parameters=[SERVER_ID, USER_ID], responses={200: MemberSerializer, 409: CONFLICT})
    def patch(self, request: Request, **kwargs: Any) -> Response:
        """Give a member another role. `owner` transfers the server: its old owner becomes a publisher."""
        server, member = self.server, self.get_object()
        given = self.get_serializer(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        role = given.validated_data.get("role", member.role)
        try:
            if role == Role.OWNER and member.role != Role.OWNER:
                changes.transfer(server, member.user)
            elif role != member.role:
                changes.change_role(server, member.user, role)
        except changes.Refused as refused:
            raise Conflict(str(refused)) from None
        # After a transfer the person who asked may not look for it in this way any more.
        return Response(MemberSerializer(replace(member, role=role)).data)

    @extend_schema(parameters=[SERVER_ID, USER_ID], responses={204: None, 409: CONFLICT})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        """End a membership: anybody's with `people:write`, and without it the own one, which is to leave."""
        member = self.get_object()
        if member.user.pk != request.user.pk:
            self.server.require(request.user, Scope.PEOPLE_WRITE)
        try:
            changes.remove(self.server, member.user)
        except changes.Refused as refused:
            raise Conflict(str(refused)) from None
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(
    get=extend_schema(parameters=[SERVER_ID]),
    post=extend_schema(
        parameters=[SERVER_ID],
        request=InvitationSerializer,
        responses={201: ShownInvitationSerializer, 409: CONFLICT},
    ),
)
class InvitationList(OfServer, generics.ListCreateAPIView):
    """The invitations of a server that still let somebody in; POST makes one, and shows its link this once."""

    scopes = {"GET": Scope.PEOPLE_WRITE, "POST": Scope.PEOPLE_WRITE}
    queryset = Invitation.objects.none()
    serializer_class = InvitationSerializer
    pagination_class = Envelope
    filter_backends: list[Any] = []

    def get_queryset(self) -> QuerySet[Invitation]:
        """Those that nobody has used, newest first."""
        return self.server.invitations.usable()

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Make an invitation."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            made, link = invitations.invite(self.server, **given.validated_data)
        except changes.Refused as refused:
            raise Conflict(str(refused)) from None
        shown: Any = made
        shown.link = link
        answer = ShownInvitationSerializer(shown).data
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


@extend_schema(parameters=[SERVER_ID, INVITATION_ID])
class InvitationDetail(OfServer, generics.DestroyAPIView):
    """An invitation: DELETE revokes it, and its link lets nobody in any more."""

    scopes = {"DELETE": Scope.PEOPLE_WRITE}
    queryset = Invitation.objects.none()
    serializer_class = InvitationSerializer
    lookup_url_kwarg = "invitationId"

    def get_queryset(self) -> QuerySet[Invitation]:
        """Those of the server that nobody has used."""
        return self.server.invitations.usable().select_related("server")

    def perform_destroy(self, instance: Invitation) -> None:
        """Revoke it."""
        invitations.revoke(instance)
