"""A hundred pairs of facts and how the second stands to the first; written before the code that judges them.

`SAME` merges. `EXTENDS` and `CONTRADICTS` replace the first by the second, with the first kept in the history.
Of a pair that differs in one `NUMBER`, one `NAME` or one `NEGATION` both stay.
"""

from __future__ import annotations

SAME = (
    ("Run the tests with pytest.", "run the tests with pytest"),
    ("The tests need Redis.", "Tests need Redis"),
    ("Use `make lint` before a commit", 'Use "make lint" before a commit.'),
    ("Don't edit generated files.", "Do not edit generated files"),
    ("The cache lives  in\n.cache/build", "The cache lives in .cache/build"),
    ("We can't use Python 3.9", "We cannot use Python 3.9."),
    ("Remember that the API is versioned.", "The API is versioned"),
    ("Please use tabs in Makefiles", "Use tabs in Makefiles"),
    ("Retry three times", "Retry 3 times"),
    ("The limit is 1,000 rows", "The limit is 1000 rows"),
    ("It's built with Bazel", "It is built with Bazel"),
    ("Note: migrations run by hand", "migrations run by hand"),
    ("Deploys go through the main branch!", "Deploys go through main branch"),
    ("\u201cStrict mode\u201d is on", '"Strict mode" is on'),
    ("Names are in snake_case; docs in English", "Names are in snake_case, docs in English"),
    ("The linter is ruff", "The Linter is Ruff"),
    ("- Logs go to stderr", "Logs go to stderr"),
    ("Commits follow Conventional Commits.", "commits follow conventional commits"),
    ("Doesn't work on Windows", "Does not work on Windows"),
    ("**The CI runs on ARM**", "The CI runs on ARM"),
    ("The file is \uff43onfig.toml", "The file is config.toml"),
    ("Note that tests must not sleep", "Tests must not sleep"),
    ("The worker has two threads", "The worker has 2 threads"),
    ("Use the staging database (read only)", "Use the staging database, read only"),
    ("Errors are logged as JSON...", "Errors are logged as JSON"),
)

EXTENDED = (
    ("The tests need Redis", "The tests need Redis and PostgreSQL"),
    ("Migrations run by hand", "Migrations run by hand, because the pipeline has no access"),
    ("Logs go to stderr", "Logs go to stderr. They are JSON lines."),
    ("The API is versioned", "The API is versioned; the version stands in the path"),
    ("Deploys happen on Monday", "Deploys happen on Monday and Thursday"),
    ("The linter is ruff", "The linter is ruff, which also formats"),
    ("Docs are built with Sphinx", "Docs are built with Sphinx (theme furo)"),
    ("The cache is shared", "The cache is shared since workers read it"),
    ("Secrets come from Vault", "Secrets come from Vault: the path is secret/app"),
    ("The build uses Bazel", "The build uses Bazel, and remote caching is on"),
    ("Errors have stable codes", "Errors have stable codes so that scripts can match on them"),
    ("The frontend is written in Svelte", "The frontend is written in Svelte and TypeScript"),
    ("Payments go through Stripe", "Payments go through Stripe, in test mode at first"),
    ("Names are in snake_case", "Names are in snake_case. Classes are in CamelCase."),
    ("The queue is RabbitMQ", "The queue is RabbitMQ, because Kafka was too heavy"),
)

CONTRADICTING = (
    ("The API listens on port 8080", "The API now listens on port 9090"),
    ("Tests run with unittest", "Tests now run with pytest"),
    ("The build uses Bazel", "The build no longer uses Bazel"),
    ("Use yarn", "Use pnpm instead of yarn"),
    ("Deploys go to Heroku", "Deploys now go to Fly"),
    ("The database is MySQL", "The database switched from MySQL to PostgreSQL"),
    ("The default branch is master", "The default branch is now main"),
    ("Logs go to stderr", "Logs no longer go to stderr"),
    ("The timeout is 30 seconds", "The timeout is now 60 seconds"),
    ("Names are in camelCase", "From now on names are in snake_case"),
    ("Python 3.9 is supported", "Python 3.9 is no longer supported"),
    ("The cache lives in /var/cache", "The cache moved from /var/cache to /srv/cache"),
    ("Run tox before a commit", "Run nox instead of tox before a commit"),
    ("Releases are cut by hand", "Releases are now cut by CI"),
    ("The docs live in the wiki", "The docs moved from the wiki to docs/"),
)

NUMBER = (
    ("The API listens on port 8080", "The API listens on port 8081"),
    ("Retry 3 times", "Retry 5 times"),
    ("Python 3.10 is required", "Python 3.11 is required"),
    ("The limit is 1,000 rows", "The limit is 10,000 rows"),
    ("The worker has two threads", "The worker has three threads"),
    ("Issue #12 blocks the release", "Issue #21 blocks the release"),
    ("The timeout is 30 s", "The timeout is 300 s"),
    ("Use Node 18", "Use Node 20"),
    ("The bug came with v1.2.3", "The bug came with v1.2.4"),
    ("Shard 1 is on the old host", "Shard 2 is on the old host"),
    ("The file has mode 0600", "The file has mode 0700"),
    ("Line length is 100", "Line length is 120"),
    ("Host 10.0.0.1 is the gateway", "Host 10.0.0.7 is the gateway"),
    ("The error rate is 0.5", "The error rate is -0.5"),
    ("Keep backups for 7 days", "Keep backups for 7 weeks and 1 day"),
)

NAME = (
    ("The staging API listens on port 8080", "The production API listens on port 8080"),
    ("Anna owns the billing service", "Anne owns the billing service"),
    ("Set DEBUG for verbose logs", "Set debug for verbose logs"),
    ("Call parse_row for rows", "Call parse_rows for rows"),
    ("Secrets are in .env", "Secrets are in env"),
    ("Use npm", "Use pnpm"),
    ("The config is config.toml", "The config is config.yaml"),
    ("The core is written in C", "The core is written in C++"),
    ("Deploy to eu-west-1", "Deploy to us-west-1"),
    ("getUser returns null", "getuser returns null"),
    ("Pass -v to pytest", "Pass -V to pytest"),
    ("Run make test", "Run make tests"),
    ("Bob reviews frontend changes", "Rob now reviews frontend changes"),
    ("The web API listens on port 8080", "From now on the mobile API listens on port 8080"),
    ("Use npm", "Use npm for the frontend"),
)

NEGATION = (
    ("Use tabs", "Do not use tabs"),
    ("Tests may sleep", "Tests may not sleep"),
    ("Edit generated files", "Never edit generated files"),
    ("The cache is shared", "The cache isn't shared"),
    ("Push to main", "Don't push to main"),
    ("Run the tests with coverage", "Run the tests without coverage"),
    ("The build works on Windows", "The build doesn't work on Windows"),
    ("Rebase before a merge", "Do not rebase before a merge"),
    ("Use tabs", "Use tabs only in Makefiles"),
    ("Use mocks", "Use mocks, except in end-to-end tests"),
    ("The endpoint needs a token", "The endpoint needs no token"),
    ("Workers share the cache", "Workers cannot share the cache"),
    ("Use async code", "Use async code, but not in the CLI"),
    ("Always squash commits", "Never squash commits"),
    ("All services log to stdout", "All services log to stdout unless debug is on"),
)
