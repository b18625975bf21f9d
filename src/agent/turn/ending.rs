//! How a run ends: the end that the model declares is looked over once before it is believed, and every
//! end has an outcome.

use super::{Effect, Turn};
use crate::agent::tools::Finish;
use crate::agent::{Outcome, StepResults, prompt};
use crate::domain::report::detail;
use crate::domain::review::Scores;
use crate::domain::task::{End, Kind};

impl Turn {
    /// The first time that the end is declared, the model sees its whole change once, and whenever it
    /// has made a check red, what that check says, if it can still be asked.
    pub(super) fn looked_over(&mut self, finish: &Finish, results: &StepResults) -> Effect {
        let shown = results.review.as_ref().filter(|_| self.wants_review());
        let look = shown.map(|shown| self.second_look(shown));
        let red = self.repairs.wanted(&self.fence, results);
        if look.is_none() && red.is_none() {
            return self.finished(finish);
        }
        self.is_reviewed |= look.is_some();
        self.said = Some(finish.clone());
        let words = [red, look].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        self.answer(&results.results, Some(words));
        match self.ask() {
            call @ Effect::Call { .. } => call,
            Effect::RunTools { .. } | Effect::Wait { .. } | Effect::End(_) => self.finished(finish),
        }
    }

    fn second_look(&self, shown: &str) -> String {
        match self.kind {
            Kind::PrReview => prompt::second_look(&self.fence, shown),
            Kind::Ask | Kind::Architect | Kind::Documentation | Kind::Debug | Kind::Async => {
                prompt::review(&self.fence, shown)
            }
        }
    }

    fn finished(&self, finish: &Finish) -> Effect {
        let end = if !finish.questions.is_empty() {
            End::NeedsInfo
        } else if self.may_edit && self.changed.is_empty() {
            End::NoChange
        } else {
            End::Done
        };
        let outcome = Outcome { questions: finish.questions.clone(), ..self.outcome(end, None) };
        Effect::End(Box::new(in_the_words_of(finish, outcome)))
    }

    pub(super) fn window_is_full(&self) -> Effect {
        self.end(End::LimitCost, Some(detail::window_is_full()))
    }

    pub(super) fn end(&self, end: End, detail: Option<String>) -> Effect {
        Effect::End(Box::new(self.outcome(end, detail)))
    }

    fn outcome(&self, end: End, detail: Option<String>) -> Outcome {
        let outcome = Outcome {
            end,
            summary: String::new(),
            title: None,
            not_verified: Vec::new(),
            questions: Vec::new(),
            findings: self.findings.clone(),
            scores: Scores::new(),
            verdict: None,
            changed: self.changed.clone(),
            verification: self.repairs.latest(),
            fell_back_to: self.fell_back_to.clone(),
            usage: self.usage,
            cost: self.spent.cost,
            steps: self.spent.steps,
            detail,
        };
        match &self.said {
            Some(finish) => in_the_words_of(finish, outcome),
            None => outcome,
        }
    }
}

fn in_the_words_of(finish: &Finish, outcome: Outcome) -> Outcome {
    Outcome {
        summary: finish.summary.clone(),
        title: finish.title.clone(),
        not_verified: finish.not_verified.clone(),
        verdict: finish.verdict,
        scores: finish.scores(),
        ..outcome
    }
}
