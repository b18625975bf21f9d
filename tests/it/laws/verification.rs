//! How a repository is checked, and what is read from what its checks print.

use asynccoder::domain::ids::Sha;
use asynccoder::domain::report::Outcome;
use asynccoder::domain::report::verification::{annotations, verification};
use asynccoder::domain::verification::detect::{Root, checks};
use asynccoder::domain::verification::problems::{Problem, named};
use asynccoder::domain::verification::{CameTo, Check, Exit, Limit, Verification, missing};
use expect_test::{Expect, expect};
use std::fmt::Write as _;

fn root(names: &[&str]) -> Root {
    Root { names: names.iter().map(|name| (*name).to_owned()).collect(), ..Root::default() }
}

#[test]
fn checks_are_found_by_what_lies_in_the_root() {
    let package = |test: &str| Some(format!(r#"{{"scripts": {{"test": "{test}"}}}}"#));
    let makefile = |text: &str| Some(text.to_owned());
    let with_package = |names: &[&str], test: &str| Root { package: package(test), ..root(names) };
    let cases = [
        root(&["README.md"]),
        root(&["Cargo.toml"]),
        root(&["Cargo.toml", "Cargo.lock"]),
        with_package(&["package.json"], "jest"),
        with_package(&["package.json", "pnpm-lock.yaml"], "jest"),
        with_package(&["package.json", "yarn.lock"], "jest"),
        with_package(&["package.json"], "echo \\\"Error: no test specified\\\" && exit 1"),
        Root { package: Some("{".to_owned()), ..root(&["package.json"]) },
        root(&["go.mod"]),
        root(&["setup.py", "tests"]),
        root(&["setup.py"]),
        root(&["conftest.py"]),
        Root {
            pyproject: Some("[tool.pytest.ini_options]".to_owned()),
            ..root(&["pyproject.toml"])
        },
        root(&["pom.xml"]),
        root(&["pom.xml", "mvnw"]),
        root(&["build.gradle.kts", "gradlew"]),
        root(&["build.gradle"]),
        Root { makefile: makefile("test: all\n\ncheck :\n"), ..root(&["Makefile"]) },
        Root { makefile: makefile("test:\n"), ..root(&["Makefile"]) },
        Root { makefile: makefile("testing:\n\tcheck: x\n"), ..root(&["Makefile"]) },
        Root { makefile: makefile("test:\n"), ..root(&["Makefile", "Cargo.toml"]) },
        with_package(&["Cargo.toml", "package.json", "go.mod"], "jest"),
    ];
    let mut text = String::new();
    for case in cases {
        writeln!(text, "{}: {}", case.names.join(" "), checks(&case).join("; ")).unwrap();
    }
    expect![[r#"
        README.md: 
        Cargo.toml: cargo test
        Cargo.toml Cargo.lock: cargo test --locked
        package.json: npm test
        package.json pnpm-lock.yaml: pnpm test
        package.json yarn.lock: yarn test
        package.json: 
        package.json: 
        go.mod: go test ./...
        setup.py tests: python3 -m unittest discover -s tests -t .
        setup.py: 
        conftest.py: python3 -m pytest -q
        pyproject.toml: python3 -m pytest -q
        pom.xml: mvn -o -q test
        pom.xml mvnw: sh ./mvnw -o -q test
        build.gradle.kts gradlew: sh ./gradlew --offline --no-daemon test
        build.gradle: gradle --offline --no-daemon test
        Makefile: make check
        Makefile: make test
        Makefile: 
        Makefile Cargo.toml: cargo test
        Cargo.toml package.json go.mod: cargo test; npm test; go test ./...
    "#]]
    .assert_eq(&text);
}

fn places(output: &str, expect: Expect) {
    let there =
        ["src/lib.rs", "tests/total.rs", "app/test_it.py", "src/a.ts", "lib/x.js", "A.java", "m.c"];
    let found = named(output, "/workspace", |path, line| there.contains(&path) && line <= 100);
    let line = |p: &Problem| format!("{}:{} {}\n", p.path, p.line, p.message);
    expect.assert_eq(&found.iter().map(line).collect::<String>());
}

#[test]
fn places_are_read_from_what_tools_print() {
    places(
        "error[E0308]: mismatched types\n  --> src/lib.rs:7:5\n   |\n7 |     1\n",
        expect![[r#"
            src/lib.rs:7 error[E0308]: mismatched types
        "#]],
    );
    places(
        "thread 'it' (12) panicked at tests/total.rs:9:5:\nassertion `left == right` failed\n  left: 1\n",
        expect![[r#"
            tests/total.rs:9 assertion `left == right` failed
        "#]],
    );
    places(
        "Traceback (most recent call last):\n  File \"/workspace/app/test_it.py\", line 4, in test\n    self.fail()\n  File \"/usr/lib/python3/unittest.py\", line 9, in fail\n",
        expect![[r#"
            app/test_it.py:4 self.fail()
        "#]],
    );
    places(
        "app/test_it.py:5: AssertionError\n",
        expect![[r#"
        app/test_it.py:5 AssertionError
    "#]],
    );
    places(
        "src/a.ts(3,5): error TS2322: Type 'string' is not a number.\n",
        expect![[r#"
        src/a.ts:3 error TS2322: Type 'string' is not a number.
    "#]],
    );
    places(
        "Error: boom\n    at Object.<anonymous> (/workspace/lib/x.js:3:9)\n    at node:internal/x:1:1\n",
        expect![[r#"
            lib/x.js:3 Error: boom
        "#]],
    );
    places(
        "[ERROR] /workspace/A.java:[12,5] cannot find symbol\n",
        expect![[r#"
        A.java:12 cannot find symbol
    "#]],
    );
    places(
        "m.c:3:5: error: expected ';'\nm.c:3:9: note: here\n",
        expect![[r#"
        m.c:3 error: expected ';'
    "#]],
    );
    places(
        "/etc/passwd:1: x\nmissing.rs:1: x\nsrc/lib.rs:101: x\n12:30:45 done\nhttp://host:80/x\n",
        expect![[""]],
    );
    let many: String = (1..=60).map(|n| format!("m.c:{n}:1: bad\n")).collect();
    let found = named(&many, "/workspace", |_, _| true);
    assert_eq!(found.len(), 20);
}

#[test]
fn a_tool_that_is_not_there_is_no_failure() {
    let said = |exit, output: &str| missing(exit, output).unwrap_or_else(|| "ran".to_owned());
    assert_eq!(
        said(Exit::Code(127), "/bin/bash: line 1: go: command not found\n"),
        "go: command not found"
    );
    assert_eq!(
        said(Exit::Code(1), "/usr/bin/python3: No module named pytest\n"),
        "/usr/bin/python3: No module named pytest"
    );
    assert_eq!(said(Exit::Code(1), "not found\n"), "ran");
    assert_eq!(said(Exit::Limit(Limit::Time), "not found\n"), "ran");
}

fn check(command: &str, came_to: CameTo, output: &str) -> Check {
    let problems = vec![Problem { path: "a".to_owned(), line: 1, message: "bad".to_owned() }];
    Check {
        command: command.to_owned(),
        came_to,
        millis: 12_345,
        output: output.to_owned(),
        problems,
    }
}

#[test]
fn what_others_wrote_does_nothing_in_the_table() {
    let tree = Sha::parse(&"ab".repeat(20)).unwrap();
    let checks = vec![
        check("make | tee `x`", CameTo::Green, ""),
        check(
            "make b",
            CameTo::Red(Exit::Limit(Limit::Memory)),
            "````\n@everyone ![x](http://x/)\n/asynccoder async do\nghp_0123456789abcdefghijABCDEFGHIJ012345",
        ),
        check("make c", CameTo::RedBefore(Exit::Code(1), Exit::Code(2)), "not shown"),
        check("make d", CameTo::NotRun("@everyone | <img src=x>".to_owned()), ""),
    ];
    let verified = Verification { tree, setup: None, checks };
    assert!(verified.is_red() && !verified.is_green() && verified.has_run());
    let told = annotations(&verified);
    assert_eq!(told.len(), 1, "only what the change made red is pointed at");
    let outcome = Outcome { verification: Some(verified), ..Outcome::default() };
    expect![[r#"
        **Checks fail**, and they did not before this change. I ran them myself, without a network, on exactly this tree (`abababababab`).

        | check | result | exit | time |
        |---|---|---|---|
        | `make \| tee 'x'` | passed | 0 | 12.3 s |
        | `make b` | **failed** | killed: memory | 12.3 s |
        | `make c` | already failing on base | 1 | 12.3 s |
        | `make d` | not run: @<zero width>everyone \| &lt;img src=x> | – | – |

        The end of what `make b` printed:

        `````text
        ````
        @everyone ![x](http://x/)
        /asynccoder async do
        [a line that looks like a GitHub token is left out]
        `````"#]].assert_eq(&verification(&outcome).replace('\u{200b}', "<zero width>"));
}

#[test]
fn only_all_green_is_green() {
    let tree = || Sha::parse(&"ab".repeat(20)).unwrap();
    let of = |checks: Vec<CameTo>| Verification {
        tree: tree(),
        setup: None,
        checks: checks.into_iter().map(|came_to| check("make", came_to, "")).collect(),
    };
    assert!(of(vec![CameTo::Green, CameTo::Green]).is_green());
    let others = [
        CameTo::Red(Exit::Code(1)),
        CameTo::RedBefore(Exit::Code(1), Exit::Code(1)),
        CameTo::NotRun("no tool".to_owned()),
    ];
    for other in others {
        assert!(!of(vec![CameTo::Green, other]).is_green());
    }
    assert!(!of(Vec::new()).is_green(), "nothing was run");
}
