"""What a worker does."""

from django_tasks import task

from chat import services
from realtime.publishing import Push, publish
from realtime.rooms import GlobalRoom
from tests.lab.events import Tick


@task()
def say(sender: str, conversation: str, text: str) -> None:
    services.send_message(sender_id=sender, conversation_id=conversation, text=text)


@task()
def tick(number: int) -> None:
    publish(Push(GlobalRoom(), Tick(number=number)))
