"""Addresses of the chat under `/api/`, and of what mails link to."""

from django.urls import path

from chat import views

api_urlpatterns = [
    path("conversations/", views.ConversationsView.as_view()),
    path("conversations/<uuid:conversation_id>/", views.ConversationView.as_view()),
    path("conversations/<uuid:conversation_id>/members/", views.MembersView.as_view()),
    path("conversations/<uuid:conversation_id>/members/<uuid:user_id>/", views.MemberView.as_view()),
    path("conversations/<uuid:conversation_id>/messages/", views.MessagesView.as_view()),
]

urlpatterns = [path("mail/unsubscribe/<str:token>/", views.UnsubscribeView.as_view(), name="unsubscribe")]
