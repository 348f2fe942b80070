//! Answers of several accounts, which come at once, one account after another.

/// Text on its way to stdout. An account's answer flows as it comes when those before it are done, and waits otherwise.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    slots: Vec<Slot>,
    turn: usize,
}

/// One account's answer, and what was counted for its last line.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    name: String,
    waiting: Vec<String>,
    done: bool,
    /// Its first line has come.
    pub(crate) begun: bool,
    /// `--dry-run`: messages that would be fetched.
    pub(crate) would_fetch: u64,
    /// Their octets.
    pub(crate) would_octets: u64,
    /// Messages that would be deleted.
    pub(crate) would_delete: u64,
}

impl Answers {
    /// For these accounts, in this order.
    pub(crate) fn new<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let slot = |name: &str| Slot {
            name: name.to_owned(),
            ..Slot::default()
        };
        Self {
            slots: names.map(slot).collect(),
            turn: 0,
        }
    }

    /// An account's counts.
    pub(crate) fn slot(&mut self, name: &str) -> &mut Slot {
        let index = match self.slots.iter().position(|slot| slot.name == name) {
            Some(index) => index,
            None => {
                self.slots.push(Slot {
                    name: name.to_owned(),
                    ..Slot::default()
                });
                self.slots.len() - 1
            }
        };
        &mut self.slots[index]
    }

    /// Takes text of an account; gives what can be printed now.
    pub(crate) fn add(&mut self, name: &str, text: String) -> Vec<String> {
        self.slot(name).waiting.push(text);
        self.ready()
    }

    /// The account has nothing more to say; gives what can be printed now.
    pub(crate) fn done(&mut self, name: &str) -> Vec<String> {
        self.slot(name).done = true;
        self.ready()
    }

    /// All that still waits.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        for slot in &mut self.slots {
            slot.done = true;
        }
        self.turn = 0;
        self.ready()
    }

    fn ready(&mut self) -> Vec<String> {
        let mut texts = Vec::new();
        while let Some(slot) = self.slots.get_mut(self.turn) {
            texts.append(&mut slot.waiting);
            if !slot.done {
                break;
            }
            self.turn += 1;
        }
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::Answers;

    #[test]
    fn accounts_come_one_after_another() {
        let mut answers = Answers::new(["a", "b", "c"].into_iter());
        let none: Vec<String> = Vec::new();
        assert_eq!(answers.add("b", "b1".into()), none);
        assert_eq!(answers.add("a", "a1".into()), ["a1"]);
        assert_eq!(answers.done("b"), none);
        assert_eq!(answers.add("c", "c1".into()), none);
        assert_eq!(answers.add("a", "a2".into()), ["a2"]);
        assert_eq!(answers.done("a"), ["b1", "c1"]);
        assert_eq!(answers.add("c", "c2".into()), ["c2"]);
        assert_eq!(answers.add("stranger", "s".into()), none);
        assert_eq!(answers.rest(), ["s"]);
    }
}
