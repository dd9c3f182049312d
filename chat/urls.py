"""Addresses of the chat under `/api/`, and of what mails link to."""

from django.urls import path

from chat import views

api_urlpatterns = [
    path("attachments/", views.AttachmentsView.as_view()),
    path("attachments/<uuid:attachment_id>/", views.AttachmentView.as_view()),
    path("attachments/<uuid:attachment_id>/file/", views.FileView.as_view()),
    path("attachments/<uuid:attachment_id>/thumbnail/", views.ThumbnailView.as_view()),
    path("attachments/<uuid:attachment_id>/link/", views.LinkView.as_view()),
    path("calls/", views.CallsView.as_view()),
    path("calls/<uuid:call_id>/", views.CallView.as_view()),
    path("conversations/", views.ConversationsView.as_view()),
    path("conversations/<uuid:conversation_id>/", views.ConversationView.as_view()),
    path("conversations/<uuid:conversation_id>/me/", views.OwnView.as_view()),
    path("conversations/<uuid:conversation_id>/members/", views.MembersView.as_view()),
    path("conversations/<uuid:conversation_id>/members/<uuid:user_id>/", views.MemberView.as_view()),
    path("conversations/<uuid:conversation_id>/messages/", views.MessagesView.as_view()),
    path("messages/search/", views.SearchView.as_view()),
    path("messages/<uuid:message_id>/", views.MessageView.as_view()),
    path("messages/<uuid:message_id>/revisions/", views.RevisionsView.as_view()),
    path("messages/<uuid:message_id>/reactions/", views.ReactionsView.as_view()),
    path("messages/<uuid:message_id>/delivered/", views.DeliveredView.as_view()),
    path("messages/<uuid:message_id>/read/", views.ReadView.as_view()),
]

urlpatterns = [path("mail/unsubscribe/", views.UnsubscribeView.as_view(), name="unsubscribe")]
