"""Addresses of the flows' API. Ids are taken as text, so that what is no id gets the API's own 404."""

from django.urls import path

from flows.api import docs, documents, drafts, offers, servers, together, transfer, versions, views

urlpatterns = [
    path("flows/", views.FlowList.as_view(), name="api-flows"),
    path("flows/<str:flowId>/", views.FlowDetail.as_view(), name="api-flow"),
    path("flows/<str:flowId>/publish/", versions.FlowPublish.as_view(), name="api-flow-publish"),
    path("flows/<str:flowId>/versions/", versions.VersionList.as_view(), name="api-versions"),
    path("flows/<str:flowId>/versions/<str:number>/restore/", versions.VersionRestore.as_view(), name="api-restore"),
    path("flows/<str:flowId>/versions/<str:number>/publish/", versions.VersionPublish.as_view(), name="api-republish"),
    path("flows/<str:flowId>/callers/", views.FlowCallers.as_view(), name="api-flow-callers"),
    path("flows/<str:flowId>/draft/", drafts.FlowDraft.as_view(), name="api-flow-draft"),
    path("flows/<str:flowId>/check/", drafts.FlowCheck.as_view(), name="api-flow-check"),
    path("flows/<str:flowId>/export/", transfer.FlowExport.as_view(), name="api-flow-export"),
    path("servers/", servers.ServerList.as_view(), name="api-servers"),
    path("servers/<str:serverId>/", servers.ServerDetail.as_view(), name="api-server"),
    path("servers/<str:serverId>/secrets/", servers.SecretList.as_view(), name="api-secrets"),
    path("servers/<str:serverId>/secrets/<str:name>/", servers.SecretDetail.as_view(), name="api-secret"),
    path("servers/<str:serverId>/export/", transfer.ServerExport.as_view(), name="api-server-export"),
    path("servers/<str:serverId>/import/", transfer.ServerImport.as_view(), name="api-server-import"),
    path(
        "servers/<str:serverId>/import/preview/",
        documents.ServerImportPreview.as_view(),
        name="api-server-import-preview",
    ),
    path("servers/<str:serverId>/publish/", together.ServerPublish.as_view(), name="api-server-publish"),
    path("prompts/", offers.PromptList.as_view(), name="api-prompts"),
    path("prompts/<str:promptId>/", offers.PromptDetail.as_view(), name="api-prompt"),
    path("resources/", offers.ResourceList.as_view(), name="api-resources"),
    path("resources/<str:resourceId>/", offers.ResourceDetail.as_view(), name="api-resource"),
    path("node-types/", views.NodeTypeList.as_view(), name="api-node-types"),
    path("node-types/<str:type>/handles/", drafts.NodeTypeHandles.as_view(), name="api-node-type-handles"),
    path("schema/", docs.SchemaView.as_view(), name="api-schema"),
    path("docs/", docs.docs, name="api-docs"),
]
