"""A pytest plugin that says in a journal how far each spec file came, with its whole report once it is over."""

import json
import os
import time

import pytest


def pytest_configure(config):
    journal = os.environ.get("PART_JOURNAL")
    # The processes of pytest-xdist tell the first one what they do, which has the plugin, too.
    if journal and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Journal(config, journal), "part-journal-writer")


class Journal:
    def __init__(self, config, path):
        self.config = config
        self.path = path
        self.remaining = {}
        self.lines = {}
        self.current = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        for item in session.items:
            file = file_of(item.nodeid)
            self.remaining[file] = self.remaining.get(file, 0) + 1

    def pytest_runtest_logstart(self, nodeid, location):
        file = file_of(nodeid)
        if self.current != file:
            self.say(event="begin", spec=file, at=int(time.time() * 1000))
        self.current = file
        self.say(event="test", spec=file, test=" > ".join(nodeid.split("::")[1:]))

    def pytest_runtest_logreport(self, report):
        self.keep(report)

    def pytest_collectreport(self, report):
        if report.outcome == "failed":
            self.keep(report)

    def pytest_runtest_logfinish(self, nodeid, location):
        file = file_of(nodeid)
        if file not in self.remaining:
            return
        self.remaining[file] -= 1
        if self.remaining[file] == 0:
            end = json.dumps({"$report_type": "SessionFinish", "exitstatus": None})
            report = "\n".join([*self.lines.pop(file, []), end, ""])
            self.say(event="end", spec=file, format="pytest-report-log", report=report)

    def keep(self, report):
        data = self.config.hook.pytest_report_to_serializable(config=self.config, report=report)
        if data is not None:
            line = json.dumps(data, default=str)
            self.lines.setdefault(file_of(report.nodeid), []).append(line)

    def say(self, **line):
        with open(self.path, "a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")


def file_of(nodeid):
    return nodeid.split("::")[0]
