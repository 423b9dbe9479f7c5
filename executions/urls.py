"""Addresses of the pages over executions."""

from django.urls import path

from executions import (
    action_views,
    answer_views,
    case_table,
    compare_views,
    input_views,
    insights_views,
    test_tab,
    ui_views,
    views,
)

app_name = "executions"
urlpatterns = [
    path("flows/<int:flow_id>/usage/", views.usage, name="usage"),
    path("flows/<int:flow_id>/usage/<uuid:execution_id>/", views.usage, name="usage-detail"),
    path("flows/<int:flow_id>/insights/", insights_views.insights, name="insights"),
    path("flows/<int:flow_id>/test/", test_tab.test, name="test"),
    path("flows/<int:flow_id>/test/cases/", case_table.call_cases, name="cases"),
    path("flows/<int:flow_id>/test/cases/<int:case_id>/delete/", case_table.delete_case, name="case-delete"),
    path("flows/<int:flow_id>/nodes/<slug:slug>/inputs/", input_views.inputs, name="inputs"),
    path("flows/<int:flow_id>/compare/", compare_views.compare, name="compare"),
    path("executions/", views.all_executions, name="list"),
    path("executions/<uuid:execution_id>/", views.all_executions, name="detail"),
    path("executions/<uuid:execution_id>/cancel/", action_views.cancel, name="cancel"),
    path("executions/<uuid:execution_id>/answer/", answer_views.answer, name="answer"),
    path("executions/<uuid:execution_id>/replay/", action_views.replay, name="replay"),
    path("executions/<uuid:execution_id>/replay/from/", action_views.replay_from, name="replay-from"),
    path("executions/<uuid:execution_id>/pin/", action_views.pin, name="pin"),
    path("executions/<uuid:execution_id>/note/", action_views.note, name="note"),
    path("executions/<uuid:execution_id>/delete/", action_views.delete, name="delete"),
    path("executions/<uuid:execution_id>/call/<slug:form>/", views.snippet, name="snippet"),
    path("executions/<uuid:execution_id>/ui/", ui_views.ui, name="ui"),
    path("executions/<uuid:execution_id>/raw/<slug:part>/", views.raw, name="raw"),
]
