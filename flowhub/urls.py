"""Every address of FlowHub except /mcp/, which the ASGI gateway serves."""

from django.contrib import admin
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from executions.pages.insights_views import dashboard
from flowhub import demo, health, zones
from flowhub.login import Login

# The admin's own login page would be a second one to keep safe and good-looking.
to_login = login_not_required(RedirectView.as_view(pattern_name="login", query_string=True))

urlpatterns = [
    path("", dashboard, name="dashboard"),
    path("login/", Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/login/", to_login),
    path("admin/", admin.site.urls),
    path("api/", include("executions.api.urls")),
    path("api/", include("flows.api.urls")),
    path("api/", include("mcp_bridge.api.urls")),
    path("", include("executions.urls")),
    path("", include("flows.urls")),
    path("", include("mcp_bridge.urls")),
    path("zone/", zones.zone, name="zone"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("demo/orders/<str:order_id>", demo.order, name="demo-order"),
    path("demo/v1/chat/completions", demo.chat, name="demo-chat"),
]
handler400 = "flowhub.refusals.bad_request"
