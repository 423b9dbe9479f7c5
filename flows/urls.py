"""Addresses of the pages of flows and servers."""

from django.urls import path

from flows.models import Prompt, Resource
from flows.offers import views as offers
from flows.pages import outline, publishing, together, views
from flows.secrets import views as secrets
from flows.starting import views as starting
from flows.transfer import operations
from flows.transfer import views as transfer

app_name = "flows"
urlpatterns = [
    path("flows/", views.flow_list, name="list"),
    path("flows/new/", starting.create, name="create"),
    path("flows/new/template/<slug:key>/", starting.from_template, name="from-template"),
    path("flows/new/curl/", starting.from_curl, name="from-curl"),
    path("flows/new/example/", starting.from_example, name="from-example"),
    path("flows/new/copy/", starting.from_flow, name="from-flow"),
    path("flows/new/file/", starting.from_file, name="from-file"),
    path("flows/<int:flow_id>/", views.detail, name="detail"),
    path("flows/<int:flow_id>/build/", views.build, name="build"),
    path("flows/<int:flow_id>/outline/", outline.outline, name="outline"),
    path("flows/<int:flow_id>/publish/", publishing.publish, name="publish"),
    path("flows/<int:flow_id>/versions/", publishing.versions, name="versions"),
    path("flows/<int:flow_id>/versions/<int:number>/", publishing.versions, name="version"),
    path("flows/<int:flow_id>/versions/<int:number>/restore/", publishing.restore, name="restore"),
    path("flows/<int:flow_id>/versions/<int:number>/publish/", publishing.publish_again, name="publish-again"),
    path("flows/<int:flow_id>/duplicate/", views.duplicate, name="duplicate"),
    path("flows/<int:flow_id>/export/", transfer.export_flow, name="export"),
    path("flows/<int:flow_id>/toggle/", views.toggle, name="toggle"),
    path("flows/<int:flow_id>/delete/", views.delete, name="delete"),
    path("node-types/", views.node_types, name="node-types"),
    path("node-types/<str:name>/", views.node_type, name="node-type"),
    path("servers/", views.servers, name="servers"),
    path("servers/new/", views.server, name="server-create"),
    path("servers/<int:server_id>/", views.server, name="server"),
    path("servers/<int:server_id>/export/", transfer.export_server, name="server-export"),
    path("servers/<int:server_id>/publish/", together.publish, name="server-publish"),
    path("servers/<int:server_id>/import/", transfer.start, name="server-import"),
    path(
        "servers/<int:server_id>/import/documents/<int:document_id>/",
        operations.choose,
        name="server-import-document",
    ),
    path(
        "servers/<int:server_id>/import/documents/<int:document_id>/preview/",
        operations.preview,
        name="server-import-operations",
    ),
    path("servers/<int:server_id>/import/apply/", transfer.apply, name="server-import-apply"),
    path("servers/<int:server_id>/secrets/", secrets.secrets, name="server-secrets"),
    path("servers/<int:server_id>/secrets/<str:name>/", secrets.change, name="server-secret"),
    path("servers/<int:server_id>/secrets/<str:name>/remove/", secrets.remove, name="server-secret-remove"),
    path("servers/<int:server_id>/prompts/", offers.offers, {"model": Prompt}, name="server-prompts"),
    path("servers/<int:server_id>/prompts/new/", offers.new, {"model": Prompt}, name="server-prompt-new"),
    path("servers/<int:server_id>/prompts/<int:offer_id>/", offers.edit, {"model": Prompt}, name="server-prompt"),
    path(
        "servers/<int:server_id>/prompts/<int:offer_id>/delete/",
        offers.delete,
        {"model": Prompt},
        name="server-prompt-delete",
    ),
    path("servers/<int:server_id>/resources/", offers.offers, {"model": Resource}, name="server-resources"),
    path("servers/<int:server_id>/resources/new/", offers.new, {"model": Resource}, name="server-resource-new"),
    path("servers/<int:server_id>/resources/<int:offer_id>/", offers.edit, {"model": Resource}, name="server-resource"),
    path(
        "servers/<int:server_id>/resources/<int:offer_id>/delete/",
        offers.delete,
        {"model": Resource},
        name="server-resource-delete",
    ),
]
