"""What can go wrong, and what one sees of it."""

import json
from collections.abc import Callable
from typing import Any

from tests.browser.chromium import Route, WebSocketRoute, expect
from tests.browser.people import Person, Window
from tests.web.demonstration import Demonstration

Register = Callable[[str], Person]
Open = Callable[..., Window]
Picture = Callable[[Window, str], None]

HTML = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def test_a_restart_of_the_server_is_survived(
    site: Demonstration, person: Register, window: Open, picture: Picture
) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    anns = window(ann).visit()
    anns.open("Ben")
    expect(anns.state).to_have_text("Online")
    site.stop()
    expect(anns.state).to_have_text("Reconnecting…")
    expect(anns.page.get_by_text("The connection was lost.")).to_be_visible()
    say = f"send_message(sender_id='{ben.id}', conversation_id='{conversation}', text='Said in the dark')"
    site.manage("shell", "--no-imports", "-c", f"from chat.services import send_message; {say}")
    anns.say("Written in the dark")
    expect(anns.messages.last).to_contain_text("Waiting for the connection…")
    picture(anns, "reconnecting")
    site.start()
    expect(anns.state).to_have_text("Online", timeout=40_000)  # the longest pause between two tries is 30 s
    expect(anns.messages).to_have_count(2)
    expect(anns.messages.first).to_contain_text("Said in the dark")
    expect(anns.messages.last.locator(".delivery")).to_be_hidden()
    texts = [message["text"] for message in ben.ask(f"conversations/{conversation}/messages/")["results"]]
    assert texts == ["Said in the dark", "Written in the dark"]


def test_a_lost_connection_is_made_up_for_without_loading_anything_anew(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    anns = window(ann)
    sockets: list[tuple[WebSocketRoute, WebSocketRoute]] = []
    anns.page.route_web_socket("**/ws/*", lambda socket: sockets.append((socket, socket.connect_to_server())))
    anns.visit().open("Ben")
    ben.say(conversation, "Do you hear me?")
    expect(anns.messages).to_have_count(1)
    asked: list[str] = []
    anns.page.on("request", lambda request: asked.append(request.url))
    (page, server), *_ = sockets
    server.close()
    page.close()
    ben.say(conversation, "And now?")
    expect(anns.messages).to_have_count(2)
    expect(anns.state).to_have_text("Online")
    assert len(sockets) == 2
    assert [url for url in asked if "/api/" in url] == []


def test_what_looks_like_html_is_text(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person(f"Ben {HTML}"[:100])
    conversation = ann.begin(ben, title=HTML)
    anns = window(ann).visit()
    anns.open("<img")
    ben.say(conversation, HTML)
    expect(anns.messages.last.locator(".text")).to_have_text(HTML)
    expect(anns.page.get_by_role("heading", name=HTML)).to_be_visible()
    anns.click("Members")
    expect(anns.members.last).to_contain_text(ben.name)
    assert anns.page.title() == "Realtime chat"
    assert anns.page.locator("img, body script").count() == 0


def test_a_failed_message_can_be_sent_again(person: Register, window: Open, picture: Picture) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    anns = window(ann)
    sent: list[dict[str, Any]] = []

    def refuse_the_first(page: WebSocketRoute, frame: dict[str, Any]) -> bool:
        if frame["event"] != "message.send":
            return False
        sent.append(frame)
        error = {"code": "RATE_LIMITED", "message": "Rate limit exceeded", "retryAfter": 5}
        if len(sent) == 1:
            page.send(json.dumps({"event": "reply", "id": frame["id"], "ok": False, "error": error}))
        return len(sent) == 1

    intercept(anns, refuse_the_first)
    anns.visit()
    anns.open("Ben")
    anns.say("Can you hear me?")
    expect(anns.messages.last).to_contain_text("Not sent. Rate limit exceeded")
    picture(anns, "failed")
    anns.click("Retry")
    expect(anns.messages.last.locator(".delivery")).to_be_hidden()
    expect(anns.messages).to_have_count(1)
    assert len(sent) == 2
    assert sent[0]["data"] == sent[1]["data"]
    assert [message["text"] for message in ben.ask(f"conversations/{conversation}/messages/")["results"]] == [
        "Can you hear me?"
    ]


def test_a_message_whose_answer_was_lost_is_not_said_twice(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    conversation = ann.begin(ben)
    anns = window(ann)
    lost: list[WebSocketRoute] = []

    def lose_the_first(page: WebSocketRoute, frame: dict[str, Any]) -> bool:
        if frame["event"] != "message.send" or lost:
            return False
        lost.append(page)
        data = frame["data"]
        ann.ask(f"conversations/{conversation}/messages/", {"text": data["text"], "tempId": data["tempId"]})
        page.close(code=1012)
        return True

    intercept(anns, lose_the_first)
    anns.visit()
    anns.open("Ben")
    anns.say("Once")
    expect(anns.state).to_have_text("Online")
    expect(anns.messages.last.locator(".delivery")).to_be_hidden()
    expect(anns.messages).to_have_count(1)
    assert len(ben.ask(f"conversations/{conversation}/messages/")["results"]) == 1


def test_a_token_that_ends_soon_is_renewed_on_the_same_connection(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.begin(ben)
    anns = window(ann)
    renewed: list[str] = []
    sockets: list[WebSocketRoute] = []

    def watch(page: WebSocketRoute, frame: dict[str, Any]) -> bool:
        if frame["event"] == "auth":
            renewed.append(frame["data"]["token"])
        return False

    intercept(anns, watch, sockets)
    anns.visit()
    expect(anns.state).to_have_text("Online")
    with anns.page.expect_response("**/api/auth/token/refresh"):
        sockets[0].send(json.dumps({"event": "auth.expiring", "data": {"expiresAt": "2030-01-01T00:00:00.000Z"}}))
    stored = "JSON.parse(sessionStorage.getItem('session')).access"
    anns.until(f"{stored} !== {json.dumps(ann.tokens['access'])}")
    anns.open("Ben")
    anns.say("This goes out after it")
    expect(anns.messages.last).to_have_attribute("data-state", "sent")
    expect(anns.state).to_have_text("Online")
    assert renewed == [anns.page.evaluate(stored)]
    assert len(sockets) == 1


def test_a_token_that_has_ended_is_renewed_unseen(person: Register, window: Open) -> None:
    ann = person("Ann")
    ann.tokens["access"] = f"{ann.tokens['access'][:-4]}AAAA"
    anns = window(ann).visit()
    expect(anns.state).to_have_text("Online")
    expect(anns.page.locator("#me-name")).to_have_text("Ann")


def test_who_is_logged_out_everywhere_logs_in_again(person: Register, window: Open) -> None:
    ann = person("Ann")
    anns = window(ann).visit()
    expect(anns.state).to_have_text("Online")
    ann.ask("auth/logout-all", {}, "POST")
    expect(anns.page.get_by_role("alert")).to_have_text("Your session has ended. Please log in again.")
    anns.page.reload()
    expect(anns.page.get_by_role("button", name="Log in")).to_be_visible()


def test_rest_that_fails_once_is_tried_again(person: Register, window: Open) -> None:
    ann, ben = person("Ann"), person("Ben")
    ann.begin(ben)
    anns = window(ann)
    failed: list[str] = []

    def fail_once(route: Route) -> None:
        if failed:
            route.fallback()
        else:
            failed.append(route.request.url)
            route.abort()

    anns.page.route("**/api/conversations/?*", fail_once)
    anns.visit()
    expect(anns.conversations).to_have_count(1)
    assert failed


def intercept(
    window: Window,
    takes: Callable[[WebSocketRoute, dict[str, Any]], bool],
    sockets: list[WebSocketRoute] | None = None,
) -> None:
    """Stand between page and server: `takes(socket, frame)` sees each frame of the page, and may keep it."""

    def route(page: WebSocketRoute) -> None:
        if sockets is not None:
            sockets.append(page)
        server = page.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            if not takes(page, json.loads(text)):
                server.send(text)

        page.on_message(pass_on)

    window.page.route_web_socket("**/ws/*", route)
