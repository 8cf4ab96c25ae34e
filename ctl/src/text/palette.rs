//! Colours, by what they mean. Colour is never needed to understand: everything it says is also said in words.

/// The colours of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Palette {
    colour: bool,
    terminal: bool,
}

impl Palette {
    /// No colour, no terminal.
    pub(crate) const PLAIN: Palette = Palette { colour: false, terminal: false };

    /// For a stream that shows colour or not, and is a terminal or not.
    pub(crate) const fn new(colour: bool, terminal: bool) -> Self {
        Palette { colour, terminal }
    }

    /// True when colours are shown.
    pub(crate) const fn colour(self) -> bool {
        self.colour
    }

    /// True when the stream is a terminal.
    pub(crate) const fn terminal(self) -> bool {
        self.terminal
    }

    /// Passed.
    pub(crate) fn pass(self, text: &str) -> String {
        self.wrap("32;1", text)
    }

    /// Failed.
    pub(crate) fn fail(self, text: &str) -> String {
        self.wrap("31;1", text)
    }

    /// Worth a look: flaky, retried, cancelled.
    pub(crate) fn warn(self, text: &str) -> String {
        self.wrap("33;1", text)
    }

    /// Hints and next steps.
    pub(crate) fn note(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// Names.
    pub(crate) fn name(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// Less important.
    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
