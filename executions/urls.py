"""Addresses of the pages over executions."""

from django.urls import path

from executions.acting import views as acting
from executions.cases import views as cases
from executions.pages import (
    answer_frame,
    compare_views,
    first_steps,
    input_views,
    insights_views,
    new_flow,
    test_tab,
    views,
)
from executions.questions import views as questions

app_name = "executions"
urlpatterns = [
    path("flows/<int:flow_id>/usage/", views.usage, name="usage"),
    path("flows/<int:flow_id>/usage/<uuid:execution_id>/", views.usage, name="usage-detail"),
    path("flows/<int:flow_id>/insights/", insights_views.insights, name="insights"),
    path("flows/<int:flow_id>/test/", test_tab.test, name="test"),
    path("flows/<int:flow_id>/test/cases/", cases.call_cases, name="cases"),
    path("flows/<int:flow_id>/publish/cases/", cases.publish_cases, name="publish-cases"),
    path("flows/<int:flow_id>/test/cases/<int:case_id>/delete/", cases.delete_case, name="case-delete"),
    path("flows/<int:flow_id>/nodes/<slug:slug>/inputs/", input_views.inputs, name="inputs"),
    path("flows/<int:flow_id>/compare/", compare_views.compare, name="compare"),
    path("first-steps/call/", first_steps.call, name="first-call"),
    path("first-steps/hide/", first_steps.hide, name="hide-first-steps"),
    path("executions/", views.all_executions, name="list"),
    path("executions/<uuid:execution_id>/", views.all_executions, name="detail"),
    path("executions/<uuid:execution_id>/cancel/", acting.cancel, name="cancel"),
    path("executions/<uuid:execution_id>/answer/", questions.answer, name="answer"),
    path("executions/<uuid:execution_id>/replay/", acting.replay, name="replay"),
    path("executions/<uuid:execution_id>/replay/from/", acting.replay_from, name="replay-from"),
    path("executions/<uuid:execution_id>/flow/", new_flow.from_call, name="new-flow"),
    path("executions/<uuid:execution_id>/pin/", acting.pin, name="pin"),
    path("executions/<uuid:execution_id>/note/", acting.note, name="note"),
    path("executions/<uuid:execution_id>/delete/", acting.delete, name="delete"),
    path("executions/<uuid:execution_id>/call/<slug:form>/", views.snippet, name="snippet"),
    path("executions/<uuid:execution_id>/ui/", answer_frame.frame, name="ui"),
    path("executions/<uuid:execution_id>/raw/<slug:part>/", views.raw, name="raw"),
]
