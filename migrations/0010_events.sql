-- What GitHub tells of installations, repositories and pull requests goes with GitHub's own time: what is
-- older than what is known changes nothing.

-- Of when the installation's known state is.
alter table accounts add column installation_as_of timestamptz;

-- Since when the App does not reach a repository any more, by our clock; null while it does.
alter table repositories add column withdrawn_at timestamptz;
-- Of when the last known choice is, by which people let the App reach it or not.
alter table repositories add column chosen_at timestamptz;

-- A pull request of ours is known by its webhooks too, which may come before the reply that opened it.
alter table pull_requests add column title text;
alter table pull_requests add column head_sha text;
-- The last commit on its branch that is ours.
alter table pull_requests add column pushed_sha text;
-- Of when its known state is.
alter table pull_requests add column as_of timestamptz;
-- Whether its branch goes when it is over.
alter table pull_requests add column delete_branch boolean not null default false;

create index pull_requests_of_branch on pull_requests (repository_id, head);
create index pull_requests_of_task on pull_requests (task_id);
