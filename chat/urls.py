"""Addresses of the chat under `/api/`."""

from django.urls import path

from chat import views

api_urlpatterns = [
    path("calls/", views.CallsView.as_view()),
    path("calls/<uuid:call_id>/", views.CallView.as_view()),
    path("conversations/", views.ConversationsView.as_view()),
    path("conversations/<uuid:conversation_id>/", views.ConversationView.as_view()),
    path("conversations/<uuid:conversation_id>/members/", views.MembersView.as_view()),
    path("conversations/<uuid:conversation_id>/members/<uuid:user_id>/", views.MemberView.as_view()),
    path("conversations/<uuid:conversation_id>/messages/", views.MessagesView.as_view()),
]
