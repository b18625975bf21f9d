//! Repositories whose checks are attacks: whatever a build, a test runner or a linter takes for its
//! configuration is a program. Each of these tries to take a secret and to leave something behind.

use super::attempts::{Outside, SECRET};
use super::{Cell, WALLS};
use std::fs;
use std::path::Path;

/// A repository: its files, and the command that checks it. `ATTACK` in a file is the attack for a
/// shell, `PYTHON` the same for Python, `SCRIPT` for Node.
struct Repository {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    command: &'static str,
}

const fn repository(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    command: &'static str,
) -> Repository {
    Repository { name, files, command }
}

const TEST: (&str, &str) =
    ("tests/test_x.py", "import unittest\nclass X(unittest.TestCase):\n    def test(self): pass\n");
const UNITTEST: &str = "python3 -m unittest discover -s tests -t .";

const REPOSITORIES: &[Repository] = &[
    repository("a recipe", &[("Makefile", "check:\n\tATTACK\n")], "make check"),
    repository(
        "a variable of make",
        &[("Makefile", "X := $(shell (ATTACK) >&2)\ncheck:\n\ttrue\n")],
        "make check",
    ),
    repository(
        "an included makefile",
        &[("Makefile", "include x.mk\ncheck:\n\ttrue\n"), ("x.mk", "$(shell (ATTACK) >&2)\n")],
        "make check",
    ),
    repository(
        "a shell of make's",
        &[("Makefile", "SHELL := ./sh\ncheck:\n\ttrue\n"), ("sh", "#!/bin/bash\nATTACK\n")],
        "cp sh s; chmod +x s; mv -f s sh; make check",
    ),
    repository(
        "a test",
        &[("tests/__init__.py", ""), ("tests/test_x.py", "import unittest\nPYTHON\n")],
        UNITTEST,
    ),
    repository("a package of tests", &[("tests/__init__.py", "PYTHON\n"), TEST], UNITTEST),
    repository(
        "a module that shadows one of Python's",
        &[("unittest/__init__.py", "PYTHON\n"), TEST],
        UNITTEST,
    ),
    repository(
        "a module that Python loads first",
        &[("sitecustomize.py", "PYTHON\n"), TEST],
        "PYTHONPATH=. python3 -m unittest discover -s tests -t .",
    ),
    repository(
        "a file of path lines",
        &[("x.pth", "import os; PYTHON\n"), TEST],
        "python3 -c 'import site; site.addsitedir(\".\")'",
    ),
    repository(
        "a configuration of tests",
        &[("conftest.py", "PYTHON\n"), TEST],
        "python3 -c 'import conftest'; python3 -m pytest -q",
    ),
    repository(
        "a setup script",
        &[("setup.py", "PYTHON\nfrom setuptools import setup\nsetup(name='x')\n")],
        "python3 setup.py --version",
    ),
    repository(
        "a test script",
        &[("package.json", r#"{"scripts": {"test": "ATTACK"}}"#)],
        "npm test",
    ),
    repository(
        "a script before the test",
        &[("package.json", r#"{"scripts": {"pretest": "ATTACK", "test": "true"}}"#)],
        "npm test",
    ),
    repository(
        "a script after the test",
        &[("package.json", r#"{"scripts": {"posttest": "ATTACK", "test": "true"}}"#)],
        "npm test",
    ),
    repository(
        "a shell of npm's",
        &[
            ("package.json", r#"{"scripts": {"test": "true"}}"#),
            (".npmrc", "script-shell=./sh\n"),
            ("sh", "#!/bin/bash\nATTACK\n"),
        ],
        "cp sh s; chmod +x s; mv -f s sh; npm test",
    ),
    repository(
        "a module of Node's",
        &[("test.js", "require('./x')"), ("x.js", "SCRIPT")],
        "node test.js",
    ),
    repository(
        "options of Node's",
        &[("x.js", "SCRIPT"), ("test.js", "")],
        "NODE_OPTIONS='--require ./x.js' node test.js",
    ),
    repository(
        "a linter's configuration",
        &[(".eslintrc.js", "SCRIPT")],
        "node -e 'require(\"./.eslintrc.js\")'",
    ),
    repository(
        "a build script",
        &[(
            "build.rs",
            "fn main() { std::process::Command::new(\"bash\").args([\"-c\", r##\"ATTACK\"##]).status(); }",
        )],
        "rustc build.rs && ./build",
    ),
    repository(
        "a compiler's plugin",
        &[
            (
                "x.c",
                "#include <stdlib.h>\n__attribute__((constructor)) void x(void) { system(\"sh ./attack.sh\"); }\n",
            ),
            ("attack.sh", "ATTACK\n"),
        ],
        "cc -shared -fPIC -o x.so x.c && LD_PRELOAD=./x.so true",
    ),
    repository("a wrapper", &[("gradlew", "ATTACK\n")], "sh ./gradlew --offline test"),
    repository(
        "a start-up file of the shell",
        &[(".bashrc", "ATTACK\n")],
        "HOME=$PWD bash -ic true; BASH_ENV=.bashrc bash -c true",
    ),
    repository(
        "a configuration of git's",
        &[("config", "[core]\n\tfsmonitor = \"ATTACK #\"\n")],
        "git init -q; cp config .git/config; git status",
    ),
    repository(
        "links out of the tree",
        &[(
            "Makefile",
            "check:\n\tln -s OUTSIDE out; cat out/secret; echo x > out/written; ATTACK\n",
        )],
        "make check",
    ),
];

/// The attack for a shell, in one line without quotes of its own.
fn attack(outside: &Path) -> String {
    let outside = outside.display();
    format!(
        "echo began >&2; cat {outside}/secret; echo x > {outside}/written; cat {outside}/git/config; env | grep SECRET; cat /proc/1/environ"
    )
}

fn text_of(text: &str, outside: &Path) -> String {
    let attack = attack(outside);
    text.replace("ATTACK", &attack)
        .replace("PYTHON", &format!("import os; os.system({attack:?})"))
        .replace(
            "SCRIPT",
            &format!("require('child_process').execSync({attack:?}, {{stdio: 'inherit'}})"),
        )
        .replace("OUTSIDE", &outside.display().to_string())
}

#[tokio::test]
async fn no_repository_gets_anything_out_of_being_checked() {
    assert!(REPOSITORIES.len() >= 20);
    for walls in WALLS {
        let cell = Cell::new(walls).await;
        let mut outside = Outside::new(&cell);
        let mut began = 0;
        for Repository { name, files, command } in REPOSITORIES {
            fs::remove_dir_all(cell.tree()).unwrap();
            fs::create_dir(cell.tree()).unwrap();
            for (path, text) in *files {
                let path = cell.tree().join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text_of(text, cell.folder.path())).unwrap();
            }
            let ran = cell.runs(command).await;
            began += usize::from(ran.output.contains("began"));
            assert!(!ran.output.contains(SECRET), "{walls}, {name}: {}", ran.output);
            outside.is_untouched(&cell, &format!("{walls}, {name}: {}", ran.output));
        }
        // An attack that never begins proves nothing; a tool may be missing on a machine.
        assert!(began >= 15, "{walls}: only {began} attacks began");
    }
}
