"""Every address of FlowHub except /mcp/, which the ASGI gateway serves."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView

from executions.pages.insights_views import dashboard
from flowhub import account_urls, demo, health, zones

# The admin's own pages for it would be second ones to keep safe and good-looking.
to_login = login_not_required(RedirectView.as_view(pattern_name="account_login", query_string=True))
to_password = RedirectView.as_view(pattern_name="account_change_password")

urlpatterns = [
    path("", dashboard, name="dashboard"),
    *account_urls.urlpatterns,
    path("admin/login/", to_login),
    path("admin/password_change/", to_password),
    path("admin/", admin.site.urls),
    path("api/", include("executions.api.urls")),
    path("api/", include("flows.api.urls")),
    path("api/", include("mcp_bridge.api.urls")),
    path("", include("executions.urls")),
    path("", include("flows.urls")),
    path("", include("mcp_bridge.urls")),
    path("", include("mcp_bridge.oauth.urls")),
    path("zone/", zones.zone, name="zone"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("demo/orders/<str:order_id>", demo.order, name="demo-order"),
    path("demo/v1/chat/completions", demo.chat, name="demo-chat"),
]
handler400 = "flowhub.refusals.bad_request"
