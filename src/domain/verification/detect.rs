//! How a repository is checked, from what lies in its root folder, when nobody has said it. Commands
//! that would have to fetch something are told not to.

/// What has to be known of a root folder.
#[derive(Clone, Debug, Default)]
pub struct Root {
    /// The names in it.
    pub names: Vec<String>,
    /// Its `package.json`.
    pub package: Option<String>,
    /// Its `Makefile`.
    pub makefile: Option<String>,
    /// Its `pyproject.toml`.
    pub pyproject: Option<String>,
}

/// What npm writes into a new package.
const NO_TEST: &str = "no test specified";

/// The commands, the most telling first.
pub fn checks(root: &Root) -> Vec<String> {
    let found = [rust(root), node(root), go(root), python(root), maven(root), gradle(root)];
    let mut found: Vec<&str> = found.into_iter().flatten().collect();
    // Who has one of the above and a Makefile uses the Makefile to start just that.
    if found.is_empty() {
        found.extend(make(root));
    }
    found.into_iter().map(str::to_owned).collect()
}

impl Root {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|there| there == name)
    }

    fn has_one_of(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.has(name))
    }
}

fn rust(root: &Root) -> Option<&'static str> {
    let command = if root.has("Cargo.lock") { "cargo test --locked" } else { "cargo test" };
    root.has("Cargo.toml").then_some(command)
}

fn node(root: &Root) -> Option<&'static str> {
    let package: serde_json::Value = serde_json::from_str(root.package.as_deref()?).ok()?;
    let test = package.get("scripts")?.get("test")?.as_str()?;
    if test.contains(NO_TEST) {
        return None;
    }
    Some(if root.has("pnpm-lock.yaml") {
        "pnpm test"
    } else if root.has("yarn.lock") {
        "yarn test"
    } else {
        "npm test"
    })
}

fn go(root: &Root) -> Option<&'static str> {
    root.has("go.mod").then_some("go test ./...")
}

fn python(root: &Root) -> Option<&'static str> {
    let says_pytest = root.pyproject.as_deref().is_some_and(|text| text.contains("pytest"));
    if says_pytest || root.has_one_of(&["pytest.ini", "conftest.py"]) {
        return Some("python3 -m pytest -q");
    }
    let is_python = root.has_one_of(&["pyproject.toml", "setup.py", "setup.cfg"]);
    (is_python && root.has("tests")).then_some("python3 -m unittest discover -s tests -t .")
}

fn maven(root: &Root) -> Option<&'static str> {
    let command = if root.has("mvnw") { "sh ./mvnw -o -q test" } else { "mvn -o -q test" };
    root.has("pom.xml").then_some(command)
}

fn gradle(root: &Root) -> Option<&'static str> {
    let is_gradle = root.has_one_of(&["build.gradle", "build.gradle.kts"]);
    let own = "sh ./gradlew --offline --no-daemon test";
    let command = if root.has("gradlew") { own } else { "gradle --offline --no-daemon test" };
    is_gradle.then_some(command)
}

fn make(root: &Root) -> Option<&'static str> {
    let text = root.makefile.as_deref()?;
    let has = |target: &str| {
        text.lines().any(|line| {
            line.strip_prefix(target).is_some_and(|rest| rest.trim_start().starts_with(':'))
        })
    };
    match () {
        () if has("check") => Some("make check"),
        () if has("test") => Some("make test"),
        () => None,
    }
}
