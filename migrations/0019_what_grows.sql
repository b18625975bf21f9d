-- Tables that grow for ever are never read from end to end, least of all while others wait for the writer.

create index acts_of_task on acts (task_id);
-- What is not over, of an account that the App leaves.
create index tasks_open on tasks (account_id) where phase <> 'ended';
-- What was left in a repository until the App reaches it again.
create index documents_left on documents (repository_id) where dead;
-- Our own comments of the last hour.
create index acts_answers on acts (created_at) where kind = 'answer';
create index documents_comments on documents (created_at) where kind = 'status_comment';
