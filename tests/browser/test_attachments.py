"""Files in messages, in the windows of two people."""

import io
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from tests.browser.chromium import expect
from tests.browser.people import Person, Window

Register = Callable[[str], Person]
Open = Callable[..., Window]
Picture = Callable[[Window, str], None]


def test_a_picture_is_sent_and_seen_by_both(person: Register, window: Open, picture: Picture) -> None:
    anns, bens = talking(window, person("Ann"), person("Ben"))
    anns.writing.fill("Half a thought")
    attach(anns, "lake.png", png(640, 400))
    for one in (anns, bens):
        expect(one.messages).to_have_count(1)
        expect(one.messages.get_by_role("button", name="Open lake.png")).to_be_visible()
        one.until("document.querySelector('.thumbnail img')?.naturalWidth > 0")
        expect(one.conversations.first).to_contain_text("lake.png")
    expect(anns.writing).to_have_value("Half a thought")
    picture(bens, "attachment")
    bens.page.set_viewport_size({"width": 390, "height": 700})
    bens.until(f"{right_edge('.thumbnail')} < {right_edge('.bubble')}")
    bens.page.set_viewport_size({"width": 1280, "height": 720})
    bens.click("Open lake.png")
    expect(bens.page.get_by_role("dialog", name="lake.png")).to_be_visible()
    bens.until("document.querySelector('#picture-frame img')?.naturalWidth === 640")
    picture(bens, "attachment-open")
    with bens.page.expect_download() as saved:
        bens.click("Download")
    assert Path(saved.value.path()).read_bytes() == png(640, 400)


def test_other_files_are_there_to_be_saved(person: Register, window: Open) -> None:
    anns, bens = talking(window, person("Ann"), person("Ben"))
    attach(anns, "list.txt", b"Bread\nMilk\n")
    with bens.page.expect_download() as saved:
        bens.messages.last.get_by_role("button", name="Download list.txt, 1 kB").click()
    assert saved.value.suggested_filename == "list.txt"
    assert Path(saved.value.path()).read_bytes() == b"Bread\nMilk\n"


def test_what_the_server_has_against_a_file_is_said(person: Register, window: Open, picture: Picture) -> None:
    anns, bens = talking(window, person("Ann"), person("Ben"))
    attach(anns, "page.html", b"<!doctype html><p>Hello")
    expect(anns.messages.last).to_contain_text("Files of this type (text/html) are not allowed.")
    picture(anns, "attachment-refused")
    anns.click("Retry")
    expect(anns.messages.last).to_contain_text("Files of this type")
    anns.click("Discard")
    expect(anns.messages).to_have_count(0)
    anns.say("Never mind")
    expect(bens.messages).to_have_count(1)
    expect(bens.messages.last).to_contain_text("Never mind")


def talking(window: Open, ann: Person, ben: Person) -> list[Window]:
    """The windows of two, open at their conversation."""
    ann.begin(ben)
    windows = [window(ann).visit(), window(ben).visit()]
    for one, other in zip(windows, (ben, ann), strict=True):
        one.open(other.name)
        expect(one.state).to_have_text("Online")
    return windows


def right_edge(selector: str) -> str:
    return f"document.querySelector('{selector}').getBoundingClientRect().right"


def attach(window: Window, name: str, content: bytes) -> None:
    """Choose a file of this name."""
    window.page.locator("#files").set_input_files({"name": name, "mimeType": "", "buffer": content})


def png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, "PNG")
    return file.getvalue()
