// A reporter that says in a journal how far each spec file came, with its whole report once it is over.
'use strict';
const fs = require('node:fs');

const journal = process.env.PART_JOURNAL;

class Journal {
  constructor() {
    // By file: its tests, and which of them are over.
    this.files = new Map();
    this.current = '';
  }

  printsToStdio() {
    return false;
  }

  onBegin(config, suite) {
    if (!journal) return;
    for (const test of suite.allTests()) {
      const file = test.location.file;
      if (!this.files.has(file)) this.files.set(file, { tests: [], over: new Set() });
      this.files.get(file).tests.push(test);
    }
  }

  onTestBegin(test) {
    if (!journal) return;
    const file = test.location.file;
    if (this.current !== file) this.say({ event: 'begin', spec: file, at: Date.now() });
    this.current = file;
    this.say({ event: 'test', spec: file, test: test.titlePath().slice(3).join(' › ') });
  }

  onTestEnd(test, result) {
    const file = this.files.get(test.location.file);
    // Interrupted is who was stopped from outside: it did not end.
    if (!journal || !file || result.status === 'interrupted') return;
    const ok = result.status === 'skipped' || result.status === test.expectedStatus;
    if (!ok && result.retry < test.retries) return;
    file.over.add(test.id);
    if (file.over.size < file.tests.length) return;
    const report = { suites: file.tests.map(inSuites) };
    this.say({ event: 'end', spec: test.location.file, format: 'playwright-json', report: JSON.stringify(report) });
    this.current = '';
  }

  say(line) {
    fs.appendFileSync(journal, `${JSON.stringify(line)}\n`);
  }
}

// A test as Playwright's JSON reporter writes it, in the suites around it.
function inSuites(test) {
  const [, project, file, ...titles] = test.titlePath();
  const entry = {
    projectName: project,
    status: test.outcome(),
    expectedStatus: test.expectedStatus,
    annotations: test.annotations,
    results: test.results.map(attempt),
  };
  const spec = { title: titles.at(-1), file, line: test.location.line, tests: [entry] };
  let suite = { title: '', specs: [spec], suites: [] };
  for (const title of titles.slice(0, -1).reverse()) {
    suite = { title, specs: suite.title ? [] : suite.specs, suites: suite.title ? [suite] : [] };
  }
  return { title: file, specs: suite.title ? [] : suite.specs, suites: suite.title ? [suite] : [] };
}

function attempt({ status, duration, error, errors, stdout, stderr }) {
  const text = (chunk) => ({ text: typeof chunk === 'string' ? chunk : chunk.toString('utf8') });
  return { status, duration, error, errors, stdout: stdout.map(text), stderr: stderr.map(text) };
}

module.exports = Journal;
