"""Addresses of the executions' API. Ids are taken as text, so that what is no id gets the API's own 404."""

from django.urls import path

from executions.api import actions, answering, cases, insights, views

urlpatterns = [
    path("flows/<str:flowId>/test/", views.FlowTest.as_view(), name="api-flow-test"),
    path("flows/<str:flowId>/insights/", insights.FlowInsights.as_view(), name="api-flow-insights"),
    path("flows/<str:flowId>/cases/", cases.CaseList.as_view(), name="api-cases"),
    path("flows/<str:flowId>/cases/run/", cases.CasesCall.as_view(), name="api-cases-run"),
    path("flows/<str:flowId>/cases/<str:caseId>/", cases.CaseDetail.as_view(), name="api-case"),
    path("flows/<str:flowId>/nodes/<str:slug>/inputs/", views.NodeInputs.as_view(), name="api-node-inputs"),
    path("flows/<str:flowId>/executions/", views.FlowExecutionList.as_view(), name="api-flow-executions"),
    path(
        "flows/<str:flowId>/executions/<str:executionId>/",
        views.FlowExecutionDetail.as_view(),
        name="api-flow-execution",
    ),
    path("executions/", views.ExecutionList.as_view(), name="api-executions"),
    path("executions/<str:executionId>/", views.ExecutionDetail.as_view(), name="api-execution"),
    path("executions/<str:executionId>/cancel/", actions.ExecutionCancel.as_view(), name="api-execution-cancel"),
    path("executions/<str:executionId>/answer/", answering.ExecutionAnswer.as_view(), name="api-execution-answer"),
    path("executions/<str:executionId>/replay/", actions.ExecutionReplay.as_view(), name="api-execution-replay"),
    path("executions/<str:executionId>/pin/", actions.ExecutionPin.as_view(), name="api-execution-pin"),
]
