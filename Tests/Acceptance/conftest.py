import asyncio
import inspect
import pathlib

import pytest
from harness import ALLOWANCE, ROOMS_ELSEWHERE, Gateway, Participant

# The SDK's native side keeps the event loop it first saw: all tests share one.
LOOP = asyncio.new_event_loop()


def pytest_configure(config):
    config.addinivalue_line("markers", "hosts_rooms: about the gateway's own rooms; not for rooms elsewhere")


def pytest_collection_modifyitems(config, items):
    """Tests of what the room server does are not the gateway's when it has no rooms."""
    if not ROOMS_ELSEWHERE:
        return
    config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("hosts_rooms")])
    items[:] = [item for item in items if not item.get_closest_marker("hosts_rooms")]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Runs `async def` tests, with a limit; whoever is still in a room afterwards leaves."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def run():
        try:
            await asyncio.wait_for(pyfuncitem.obj(**arguments), 120 * ALLOWANCE)
        finally:
            await Participant.leave_all()

    LOOP.run_until_complete(run())
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Adds the gateway's log to a failed test."""
    report = (yield).get_result()
    for value in getattr(item, "funcargs", {}).values():
        if report.failed and isinstance(value, Gateway):
            report.sections.append(("gateway log", value.log()[-8000:]))


@pytest.fixture
def gateway(tmp_path: pathlib.Path, request):
    with Gateway(tmp_path, **getattr(request, "param", {})) as running:
        yield running
