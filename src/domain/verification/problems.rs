//! Lines of code that a check complains about, read from what it printed. Compilers and test runners
//! name them in a few shapes; what is in none of these is not guessed.

use regex::Regex;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// More problems of one check than this are one problem.
const MOST_PROBLEMS: usize = 20;
/// So much of a message is kept.
const LONGEST_MESSAGE: usize = 400;

/// Something at a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file, with `/` between folders.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is said about it.
    pub message: String,
}

/// A shape in which a place is named: the path first, then the line.
struct Shape {
    pattern: &'static LazyLock<Option<Regex>>,
    says: Says,
}

/// Where the message of a place stands.
#[derive(Clone, Copy)]
enum Says {
    /// After it, on the same line.
    After,
    /// On the line above.
    Above,
    /// On the line below.
    Below,
}

macro_rules! pattern {
    ($name:ident, $text:literal) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}

pattern!(RUST_PANIC, r"panicked at ([^\s:]+):(\d+):\d+:");
pattern!(RUST_COMPILER, r"^\s*--> ([^\s:]+):(\d+):\d+");
pattern!(PYTHON, r#"^\s*File "([^"]+)", line (\d+)"#);
pattern!(NODE, r"^\s*at (?:.*\()?(?:file://)?(/[^\s:()]+):(\d+):\d+\)?$");
pattern!(TYPESCRIPT, r"^([^\s(:]+)\((\d+),\d+\): ");
pattern!(MAVEN, r"^\[ERROR\] ([^\s:]+):\[(\d+),\d+\] ");
pattern!(USUAL, r"^\s*([^\s:]+\.[A-Za-z0-9]+):(\d+):(?:\d+:)? ?");

const SHAPES: [Shape; 7] = [
    Shape { pattern: &RUST_PANIC, says: Says::Below },
    Shape { pattern: &RUST_COMPILER, says: Says::Above },
    Shape { pattern: &PYTHON, says: Says::Below },
    Shape { pattern: &NODE, says: Says::Above },
    Shape { pattern: &TYPESCRIPT, says: Says::After },
    Shape { pattern: &MAVEN, says: Says::After },
    Shape { pattern: &USUAL, says: Says::After },
];

/// The places that are named and that are there. `root` is where the check saw the repository.
pub fn named(output: &str, root: &str, is_there: impl Fn(&str, usize) -> bool) -> Vec<Problem> {
    let lines: Vec<&str> = output.lines().collect();
    let mut problems: Vec<Problem> = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((path, number, says, end)) = place(line) else { continue };
        let path = path.strip_prefix(root).unwrap_or(path);
        let path = path.trim_start_matches("./").trim_start_matches('/');
        let is_known = problems.iter().any(|p| p.path == path && p.line == number);
        if is_known || !is_there(path, number) {
            continue;
        }
        let message = match says {
            Says::After => line.get(end..),
            Says::Above => at.checked_sub(1).and_then(|above| lines.get(above)).copied(),
            Says::Below => lines.get(at + 1).copied(),
        };
        let message = message.map(str::trim).filter(|text| !text.is_empty()).unwrap_or(line);
        let message = message.chars().take(LONGEST_MESSAGE).collect();
        problems.push(Problem { path: path.to_owned(), line: number, message });
        if problems.len() >= MOST_PROBLEMS {
            break;
        }
    }
    problems
}

fn place(line: &str) -> Option<(&str, usize, Says, usize)> {
    SHAPES.iter().find_map(|shape| {
        let found = shape.pattern.as_ref()?.captures(line)?;
        let number = found.get(2)?.as_str().parse().ok()?;
        Some((found.get(1)?.as_str(), number, shape.says, found.get(0)?.end()))
    })
}
