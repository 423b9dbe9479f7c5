"""Addresses of the pages of flows and servers."""

from django.urls import path

from flows import import_views, prompt_views, resource_views, secret_views, views

app_name = "flows"
urlpatterns = [
    path("flows/", views.flow_list, name="list"),
    path("flows/new/", views.create, name="create"),
    path("flows/<int:flow_id>/", views.detail, name="detail"),
    path("flows/<int:flow_id>/build/", views.build, name="build"),
    path("flows/<int:flow_id>/publish/", views.publish, name="publish"),
    path("flows/<int:flow_id>/versions/", views.versions, name="versions"),
    path("flows/<int:flow_id>/versions/<int:number>/", views.versions, name="version"),
    path("flows/<int:flow_id>/duplicate/", views.duplicate, name="duplicate"),
    path("flows/<int:flow_id>/export/", import_views.export_flow, name="export"),
    path("flows/<int:flow_id>/toggle/", views.toggle, name="toggle"),
    path("flows/<int:flow_id>/delete/", views.delete, name="delete"),
    path("node-types/", views.node_types, name="node-types"),
    path("node-types/<str:name>/", views.node_type, name="node-type"),
    path("servers/", views.servers, name="servers"),
    path("servers/new/", views.server, name="server-create"),
    path("servers/<int:server_id>/", views.server, name="server"),
    path("servers/<int:server_id>/export/", import_views.export_server, name="server-export"),
    path("servers/<int:server_id>/import/", import_views.start, name="server-import"),
    path("servers/<int:server_id>/import/operations/", import_views.operations, name="server-import-operations"),
    path("servers/<int:server_id>/import/apply/", import_views.apply, name="server-import-apply"),
    path("servers/<int:server_id>/secrets/", secret_views.secrets, name="server-secrets"),
    path("servers/<int:server_id>/secrets/<str:name>/", secret_views.change, name="server-secret"),
    path("servers/<int:server_id>/secrets/<str:name>/remove/", secret_views.remove, name="server-secret-remove"),
    path("servers/<int:server_id>/prompts/", prompt_views.prompts, name="server-prompts"),
    path("servers/<int:server_id>/prompts/new/", prompt_views.new, name="server-prompt-new"),
    path("servers/<int:server_id>/prompts/<int:prompt_id>/", prompt_views.edit, name="server-prompt"),
    path("servers/<int:server_id>/prompts/<int:prompt_id>/delete/", prompt_views.delete, name="server-prompt-delete"),
    path("servers/<int:server_id>/resources/", resource_views.resources, name="server-resources"),
    path("servers/<int:server_id>/resources/new/", resource_views.new, name="server-resource-new"),
    path("servers/<int:server_id>/resources/<int:resource_id>/", resource_views.edit, name="server-resource"),
    path(
        "servers/<int:server_id>/resources/<int:resource_id>/delete/",
        resource_views.delete,
        name="server-resource-delete",
    ),
]
