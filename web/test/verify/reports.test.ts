import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArchiveError } from '../../src/errors.ts';
import type { Report } from '../../src/verify/verify.ts';
import { type Case, cases, reportOf } from './cases.ts';

async function run(of: Case): Promise<unknown> {
  let report: Report;
  try {
    report = await reportOf(of);
  } catch (error) {
    if (error instanceof ArchiveError) return { error: error.code };
    throw error;
  }
  return {
    verdict: report.verdict,
    lacking: report.lacking,
    checks: report.checks.map((check) => [check.code, check.status, check.subject]),
  };
}

for (const one of cases) {
  test(`report: ${one.name}`, async () => assert.deepEqual(await run(one), one.expected));
}
