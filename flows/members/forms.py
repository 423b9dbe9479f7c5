"""Forms of the Members tab."""

from django import forms

from flows.access.roles import Role

ROLES = [each for each in Role.choices if each[0] != Role.OWNER]


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(choices=ROLES)


class InvitationForm(forms.Form):
    """Somebody who is to become a member."""

    role = forms.ChoiceField(choices=ROLES)
    email = forms.EmailField(
        required=False,
        label="For whom",
        help_text="An e-mail address as a note to yourself; nothing is sent there. Hand the link over yourself.",
    )
