"""The servers of the tests are real, private and come back at the same address."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psycopg
import pytest
import redis
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, transaction

from accounts.models import User
from tests import services
from tests.services import Postgres, Redis


def test_the_shared_redis_answers() -> None:
    with redis.Redis.from_url(services.redis_url()) as client:
        assert client.ping()


def test_a_killed_redis_comes_back_empty_at_the_same_address() -> None:
    with Redis() as server, redis.Redis.from_url(server.url) as client:
        client.set("name", "value")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
        assert client.get("name") is None


def test_a_killed_postgres_comes_back_with_what_was_committed() -> None:
    with Postgres() as server:
        with psycopg.connect(server.url) as client:
            client.execute("create table kept as select 1 as one")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            server.ping()
        server.start()
        with psycopg.connect(server.url) as client:
            assert client.execute("select one from kept").fetchone() == (1,)


def test_a_closed_server_leaves_nothing_behind() -> None:
    with Redis() as server:
        process = server.process
    assert process is not None
    assert process.poll() is not None
    assert not server.folder.exists()


def test_a_server_that_cannot_start_says_why() -> None:
    with Redis() as first:
        second = Redis()
        second.port = first.port
        with pytest.raises(RuntimeError, match="Address already in use"):
            second.start()
        second.close()


def test_a_killed_test_run_takes_its_servers_with_it() -> None:
    script = (
        "from tests.services import Redis; server = Redis(); server.start(); print(server.url, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        url = run.stdout.readline().decode().strip()
        with redis.Redis.from_url(url) as client, client.pubsub() as listening:
            listening.subscribe("anything")
            run.kill()
            with pytest.raises(redis.ConnectionError):  # its end is what ends the waiting
                list(listening.listen())


@pytest.mark.sqlite
@pytest.mark.django_db(transaction=True)
def test_a_process_of_the_project_sees_what_the_test_committed() -> None:
    Group.objects.create(name="seen")
    script = "from django.contrib.auth.models import Group; print(Group.objects.get().name)"
    command = [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", script]
    result = subprocess.run(command, env=services.environment(), capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "seen"


@pytest.mark.django_db(transaction=True)
def test_the_database_is_emptied_though_it_and_a_server_wait_for_each_other(alice: User) -> None:
    group = Group.objects.create(name="of a table that comes after that of users")

    def work() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '1min'")  # so that it is the emptying that is ended
            Group.objects.filter(pk=group.pk).update(name="at work")
            has_begun.set()
            cursor.execute("SELECT NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
            while cursor.fetchone() == (True,):
                cursor.execute("SELECT NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
            User.objects.filter(pk=alice.pk).update(display_name="at work")
        connection.close()

    has_begun = Event()
    with ThreadPoolExecutor() as pool:
        work_done = pool.submit(work)
        assert has_begun.wait(10)
        call_command("flush", verbosity=0, interactive=False)
        work_done.result()
    assert not User.objects.exists()
    assert not Group.objects.exists()


@pytest.mark.sqlite
@pytest.mark.django_db
def test_the_suite_runs_on_the_database_that_it_was_asked_for() -> None:
    assert connection.vendor == ("sqlite" if services.on_sqlite() else "postgresql")
