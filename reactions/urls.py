"""The addresses of reactions."""

from django.urls import path

from reactions.api.reactions import Config, OneReaction, Reactions, Timeline

urlpatterns = [
    path("api/reactions", Reactions.as_view()),
    path("api/reactions/config", Config.as_view()),
    path("api/reactions/timeline", Timeline.as_view()),
    path("api/reactions/<id:reaction_id>", OneReaction.as_view()),
]
