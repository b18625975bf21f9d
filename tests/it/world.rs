//! The world of the stories: GitHub and the model on loopback, the bot in this process, and people.
//!
//! A story arranges, lets people act, waits for calm and compares what everybody can see. At its
//! end the laws of [`laws`] are checked, whatever the story was about.

pub(crate) mod commits;
pub(crate) mod impatient;
pub(crate) mod laws;
pub(crate) mod people;
pub(crate) mod process;
pub(crate) mod processes;
pub(crate) mod registry;
pub(crate) mod repo;
pub(crate) mod rows;
pub(crate) mod teller;
pub(crate) mod torture;

use asynccoder::app::App;
use asynccoder::config::{Config, Outside, Timing};
use asynccoder::domain::ids::RepositoryId;
use asynccoder::domain::limits::Bounds;
use asynccoder::simulator::{Effect, Models, Options, RepositoryOptions, Script, Simulator};
use expect_test::Expect;
use futures::FutureExt as _;
use people::{Ids, Issue, Person};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

pub(crate) const REPOSITORY: &str = "acme/till";
pub(crate) const BOT: &str = "asynccoder[bot]";
/// Longer than any story, on any machine; a story that needs it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_mins(3);
/// For stories of many servers at once, which want the machine for themselves: one at a time.
pub(crate) static WHOLE_MACHINE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// `story!(its_name, async |world| { … })`, or with a [`Plan`] in between.
macro_rules! story {
    ($name:ident, $told:expr) => {
        story!($name, $crate::world::Plan::default(), $told);
    };
    ($name:ident, $plan:expr, $told:expr) => {
        #[tokio::test]
        async fn $name() {
            $crate::world::tell($plan, $told).await;
        }
    };
}
pub(crate) use story;

/// How a world differs from the usual one.
pub(crate) struct Plan {
    variables: Vec<(&'static str, &'static str)>,
    timing: Timing,
    bounds: Bounds,
    outside: Outside,
    repository: RepositoryOptions,
    models: Option<&'static str>,
    plans: Option<&'static str>,
    every_provider: bool,
}

impl Default for Plan {
    fn default() -> Self {
        let (hour, tick) = (Duration::from_hours(1), Duration::from_millis(20));
        let timing = Timing {
            lease: Duration::from_secs(20),
            heartbeat: Duration::from_millis(200),
            poll: tick,
            edit_spacing: hour,
            write_spacing: Duration::ZERO,
            lookup_spacing: Duration::from_millis(10),
            backoff: tick,
            model_backoff: Duration::from_millis(1),
            ..Timing::default()
        };
        let files = repo::files(include_str!("../../fixtures/repos/till.txt"));
        let repository = RepositoryOptions { files, ..RepositoryOptions::default() };
        let variables = Vec::new();
        let bounds = Bounds::NONE;
        let (models, plans, every_provider) = (None, None, false);
        let outside = Outside::default();
        Self { variables, timing, bounds, outside, repository, models, plans, every_provider }
    }
}

impl Plan {
    /// Sets a variable of the environment; an empty value takes it away.
    pub(crate) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Keys of all model services.
    pub(crate) fn with_every_provider(mut self) -> Self {
        self.every_provider = true;
        self
    }

    /// What the operator wrote into the file of models.
    pub(crate) fn models(mut self, file: &'static str) -> Self {
        self.models = Some(file);
        self
    }

    /// What the operator wrote into the file of plans.
    pub(crate) fn plans(mut self, file: &'static str) -> Self {
        self.plans = Some(file);
        self
    }

    /// Another repository.
    pub(crate) fn repository(mut self, change: impl FnOnce(&mut RepositoryOptions)) -> Self {
        change(&mut self.repository);
        self
    }

    /// What stands for the internet.
    pub(crate) fn outside(mut self, outside: Outside) -> Self {
        self.outside = outside;
        self
    }

    /// The limits on what people may ask for in a while; a story is told faster than people type.
    pub(crate) fn limited(mut self) -> Self {
        self.bounds = Bounds::default();
        self
    }

    /// Only so many commands in a thread.
    pub(crate) fn limited_in_thread(mut self, in_thread: i64) -> Self {
        self.bounds = Bounds { in_thread, ..Bounds::NONE };
        self
    }

    /// Other timings.
    pub(crate) fn timing(mut self, change: impl FnOnce(&mut Timing)) -> Self {
        change(&mut self.timing);
        self
    }
}

pub(crate) struct World {
    pub(crate) simulator: Simulator,
    /// May write.
    pub(crate) alice: Person,
    /// May read.
    pub(crate) bob: Person,
    /// May do everything.
    pub(crate) carol: Person,
    /// A stranger.
    pub(crate) mallory: Person,
    /// The issue that is there from the beginning.
    pub(crate) issue: Issue,
    /// GitHub's numbers of the organization, its repository and the installation.
    pub(crate) ids: Ids,
    plan: Plan,
    app: Option<App>,
    folder: tempfile::TempDir,
    /// Up to this line of the journal everything was told.
    told: u64,
    wants_refusals: bool,
}

/// Tells a story and checks the laws at its end. A panic of the bot is told before any other.
pub(crate) async fn tell(plan: Plan, story: impl AsyncFnOnce(&mut World)) {
    laws::listen_for_panics();
    let mut world = World::begin(plan).await;
    let told = AssertUnwindSafe(story(&mut world)).catch_unwind().await;
    if let Some(panic) = laws::panic_of_the_bot() {
        panic!("the bot panicked: {panic}");
    }
    match told {
        Ok(()) => laws::check(world).await,
        Err(panic) => {
            eprintln!(
                "{}",
                world.simulator.journal().iter().map(|e| format!("{e}\n")).collect::<String>()
            );
            std::panic::resume_unwind(panic)
        }
    }
}

impl World {
    /// Sets the stage without the bot.
    pub(crate) async fn without_the_bot(plan: Plan) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { folder: Some(folder.path().join("github")), ..Options::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let owner = simulator.add_organization("acme");
        let person = |login: &str, role: Option<&str>| {
            (Person::new(&simulator, login), role.map(str::to_owned))
        };
        let people = [
            person("alice", Some("write")),
            person("bob", Some("read")),
            person("carol", Some("admin")),
            person("mallory", None),
        ];
        let repository = simulator.add_repository(REPOSITORY, plan.repository.clone()).unwrap();
        let [alice, bob, carol, mallory] = people.map(|(person, role)| {
            if let Some(role) = role {
                simulator.set_permission(REPOSITORY, &person.login, &role).unwrap();
            }
            person
        });
        let installation = simulator.quietly().install("acme").unwrap();
        let ids = Ids { owner, repository, installation };
        let issue = Person::new(&simulator.quietly(), "carol").opens(
            "No discount at exactly 100.00",
            "The price list says *from 100.00 on* there are ten percent off, but a bill of exactly 100.00 is charged in full.",
        );
        let told = simulator.journal().len() as u64;
        let (app, wants_refusals) = (None, false);
        Self {
            simulator,
            alice,
            bob,
            carol,
            mallory,
            issue,
            ids,
            plan,
            app,
            folder,
            told,
            wants_refusals,
        }
    }

    async fn begin(plan: Plan) -> Self {
        let mut world = Self::without_the_bot(plan).await;
        world.start().await;
        world
    }

    /// What an operator would put into the environment.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let app = self.simulator.credentials();
        let usual = [
            ("PORT", "0".to_owned()),
            ("DATA_DIR", self.data_dir().display().to_string()),
            ("APP_ID", app.app_id.to_string()),
            ("PRIVATE_KEY", app.private_key_pem),
            ("WEBHOOK_SECRET", app.webhook_secret),
            ("GITHUB_API_URL", self.simulator.api_url().to_owned()),
            ("GITHUB_SERVER_URL", self.simulator.server_url().to_owned()),
            // A story that is about commands says so.
            ("SANDBOX", "off".to_owned()),
            ("ANTHROPIC_BASE_URL", self.simulator.models_url().to_owned()),
            ("ANTHROPIC_API_KEY", self.simulator.models().api_key().to_owned()),
        ];
        let models = self.simulator.models();
        let more = [
            ("OPENAI_BASE_URL", models.openai_url()),
            ("OPENAI_API_KEY", models.openai_key().to_owned()),
            ("GOOGLE_GEMINI_BASE_URL", self.simulator.models_url().to_owned()),
            ("GEMINI_API_KEY", models.gemini_key().to_owned()),
        ];
        let more = more.into_iter().filter(|_| self.plan.every_provider);
        let own = self.plan.variables.iter().map(|(name, value)| (*name, (*value).to_owned()));
        usual
            .into_iter()
            .chain(more)
            .chain(own)
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// Starts the bot.
    pub(crate) async fn start(&mut self) {
        let files = [("models.toml", self.plan.models), ("plans.toml", self.plan.plans)];
        for (name, text) in files {
            let Some(text) = text else { continue };
            std::fs::create_dir_all(self.data_dir()).unwrap();
            std::fs::write(self.data_dir().join(name), text).unwrap();
        }
        let mut config = Config::from_vars(self.variables()).unwrap();
        config.timing = self.plan.timing;
        config.bounds = self.plan.bounds;
        config.outside = self.plan.outside.clone();
        config.program = env!("CARGO_BIN_EXE_asynccoder").into();
        let app = App::start(config).await.unwrap();
        self.simulator.deliver_to(&format!("{}/api/webhooks/github", app.url()));
        self.app = Some(app);
    }

    /// Stops the bot as an operator does.
    pub(crate) async fn stop(&mut self) {
        self.app.take().expect("the bot runs").stop().await;
    }

    pub(crate) fn app(&self) -> &App {
        self.app.as_ref().expect("the bot runs")
    }

    pub(crate) fn data_dir(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn models(&self) -> Models {
        self.simulator.models()
    }

    /// What the model will do.
    pub(crate) fn model(&self, script: Script) {
        self.simulator.models().script(script);
    }

    /// This story is about requests that GitHub or the model refuse.
    pub(crate) fn expects_refusals(&mut self) {
        self.wants_refusals = true;
    }

    /// Waits until nothing is left to be done: no delivery on its way, and the bot at rest.
    pub(crate) async fn settle(&self) {
        let calm = async {
            loop {
                let before = self.simulator.journal().len();
                self.simulator.deliveries_idle().await;
                self.app().settled(PATIENCE).await.unwrap();
                self.simulator.deliveries_idle().await;
                if self.simulator.journal().len() == before {
                    return;
                }
            }
        };
        let calm = tokio::time::timeout(PATIENCE, calm).await;
        let journal =
            || self.simulator.journal().iter().map(|e| format!("{e}\n")).collect::<String>();
        assert!(calm.is_ok(), "no calm within {PATIENCE:?}; the journal:\n{}", journal());
    }

    /// What everybody can see and nobody has told yet, one line each.
    pub(crate) fn story(&mut self) -> String {
        let story = teller::story(&self.simulator, self.told);
        self.told = self.simulator.journal().last().map_or(0, |entry| entry.sequence);
        story
    }

    /// Waits for calm and compares what is new with what should be.
    pub(crate) async fn settles_as(&mut self, expected: Expect) {
        self.settle().await;
        expected.assert_eq(&self.story());
    }

    /// Waits for calm; the only new comment of the bot, in full, with its emojis told too.
    pub(crate) async fn answer(&mut self) -> String {
        self.settle().await;
        let journal = self.simulator.journal();
        let new = journal.iter().filter(|entry| entry.sequence > self.told);
        let mut answers = new.filter_map(|entry| match entry.effect()? {
            Effect::CommentCreated { id, author, .. } if author == BOT => Some(*id),
            _ => None,
        });
        let (id, more) = (answers.next().expect("the bot answered"), answers.next());
        assert_eq!(more, None, "the bot answered once:\n{}", self.story());
        self.told = journal.last().map_or(0, |entry| entry.sequence);
        let bodies = journal.iter().rev().find_map(|entry| match entry.effect()? {
            Effect::CommentCreated { id: this, body, .. }
            | Effect::CommentEdited { id: this, body, .. }
                if *this == id =>
            {
                Some(body.clone())
            }
            _ => None,
        });
        teller::stable(&journal, &bodies.expect("it was created"))
    }

    /// What `acme` has: everything, and how much of it is held.
    pub(crate) async fn balance(&self) -> (i64, i64) {
        let store = self.app().store();
        let account = store.account_by_login("acme").await.unwrap().expect("acme is known");
        let balance = store.balance(account).await.unwrap();
        (balance.balance.0, balance.held.0)
    }

    /// The repository's id on GitHub.
    pub(crate) fn repository_id(&self) -> RepositoryId {
        let id = self.simulator.repository_id(REPOSITORY).expect("the repository is there");
        RepositoryId(i64::try_from(id).unwrap())
    }

    /// How long things take in this world.
    pub(crate) fn timing(&self) -> Timing {
        self.plan.timing
    }
}
