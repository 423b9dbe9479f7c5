"""The pages of a server's members and of invitations."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.access.acting import acts
from flows.access.roles import grants
from flows.members import changes, invitations
from flows.members.changes import Member, members_of
from flows.members.forms import InvitationForm, RoleForm
from flows.models import Invitation, Server
from flows.values.scopes import Scope


def _member(server: Server, user_id: int) -> Member:
    found = next((each for each in members_of(server) if each.user.pk == user_id), None)
    if found is None:
        raise Http404
    return found


@never_cache
@acts(Scope.PEOPLE_WRITE)
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest, server_id: int) -> HttpResponse:
    """Who belongs to the server. A POST makes an invitation, whose link is in this one answer."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    form = InvitationForm(request.POST or None)
    context: dict[str, Any] = {"server": server, "tab": "members", "form": form}
    if request.method == "POST" and form.is_valid():
        try:
            context["invited"], context["link"] = invitations.invite(server, **form.cleaned_data)
            context["form"] = InvitationForm()
        except changes.Refused as refused:
            form.add_error(None, str(refused))
    context["members"] = [(each, RoleForm(initial={"role": each.role}, auto_id=False)) for each in members_of(server)]
    if grants(server.role_of(request.user), Scope.PEOPLE_WRITE):
        context["invitations"] = server.invitations.usable().select_related("created_by")
    return render(request, "flows/members.html", context)


@acts(Scope.PEOPLE_WRITE)
@require_POST
def change_role(request: HttpRequest, server_id: int, user_id: int) -> HttpResponse:
    """Give a member another role."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    member, form = _member(server, user_id), RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles.")
        return redirect("flows:server-members", server.pk)
    try:
        changes.change_role(server, member.user, form.cleaned_data["role"])
        messages.success(request, f"The role of {member.user.get_username()} is {form.cleaned_data['role']} now.")
    except changes.Refused as refused:
        messages.error(request, str(refused))
    return redirect("flows:server-members", server.pk)


@acts(Scope.PEOPLE_WRITE)
@require_http_methods(["GET", "POST"])
def transfer(request: HttpRequest, server_id: int, user_id: int) -> HttpResponse:
    """Ask, then make a member the owner."""
    return _asked(request, server_id, user_id, "transfer")


@acts(Scope.PEOPLE_WRITE)
@require_http_methods(["GET", "POST"])
def remove(request: HttpRequest, server_id: int, user_id: int) -> HttpResponse:
    """Ask, then end a membership."""
    return _asked(request, server_id, user_id, "remove")


def _asked(request: HttpRequest, server_id: int, user_id: int, does: str) -> HttpResponse:
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    server.require(request.user, Scope.PEOPLE_WRITE)
    member = _member(server, user_id)
    if request.method == "POST":
        try:
            (changes.transfer if does == "transfer" else changes.remove)(server, member.user)
        except changes.Refused as refused:
            messages.error(request, str(refused))
        else:
            name = member.user.get_username()
            say = f"The owner is {name} now." if does == "transfer" else f"The membership of {name} has ended."
            messages.success(request, say)
        is_seen = Server.objects.filter(pk=server.pk).first().role_of(request.user)  # type: ignore[union-attr]
        return redirect("flows:server-members", server.pk) if is_seen else redirect("flows:servers")
    context = {"server": server, "tab": "members", "member": member, "does": does}
    return render(request, "flows/member_asked.html", context)


@acts(None)  # of the own membership alone, in any role
@require_http_methods(["GET", "POST"])
def leave(request: HttpRequest, server_id: int) -> HttpResponse:
    """Ask, then end the own membership."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    member = _member(server, request.user.pk or 0)
    if request.method == "POST":
        try:
            changes.remove(server, member.user)
        except changes.Refused as refused:
            messages.error(request, str(refused))
            return redirect("flows:server-members", server.pk)
        messages.success(request, f"You have left {server.name}.")
        return redirect("flows:servers")
    context = {"server": server, "tab": "members", "member": member, "does": "leave"}
    return render(request, "flows/member_asked.html", context)


@acts(Scope.PEOPLE_WRITE)
@require_POST
def revoke(request: HttpRequest, server_id: int, invitation_id: int) -> HttpResponse:
    """End an invitation."""
    server = Server.objects.visible_or_404(request.user, pk=server_id)
    invitations.revoke(get_object_or_404(server.invitations.usable().select_related("server"), pk=invitation_id))
    messages.success(request, "The invitation is revoked; its link lets nobody in.")
    return redirect("flows:server-members", server.pk)


@never_cache
@login_not_required
@require_GET
def link(request: HttpRequest, token: str) -> HttpResponse:
    """The link of an invitation: this browser remembers it, and goes on at an address without the token."""
    found = invitations.find(token)
    # A refusal here would be a line in the log, with the token in it.
    request.session.pop(invitations.SESSION, None)
    if found is not None:
        request.session[invitations.SESSION] = found.pk
    answer = redirect(
        "account_login" if found is not None and not request.user.is_authenticated else "flows:invitation"
    )
    answer["Referrer-Policy"] = "no-referrer"
    return answer


@never_cache
@login_not_required
@acts(None)  # who joins is no member yet
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest) -> HttpResponse:
    """The invitation that this browser has opened: join, or do not."""
    found: Invitation | None = invitations.opened(request.session)
    if found is None:
        return _gone(request)
    if not request.user.is_authenticated:
        return redirect("account_login")
    role = found.server.role_of(request.user)
    if request.method == "POST":
        del request.session[invitations.SESSION]
        if invitations.accept(request.user, found.pk) is None:
            return _gone(request)
        messages.success(request, f"You are a member of {found.server.name} now.")
        return redirect("flows:server-members", found.server_id)
    context = {"title": f"Join {found.server.name}", "invitation": found, "role": role}
    return render(request, "flows/invitation.html", context)


def _gone(request: HttpRequest) -> HttpResponse:
    context = {"title": "This invitation is not good any more", "invitation": None}
    return render(request, "flows/invitation.html", context, status=404)
