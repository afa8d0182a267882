/// Whether the arguments of a call, as they stream by, are complete: the text of one JSON object.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arguments {
    depth: u32,
    begun: bool,
    in_string: bool,
    escaped: bool,
}

impl Arguments {
    pub(super) fn take(&mut self, json: &str) {
        for byte in json.bytes() {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.begun = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    pub(super) const fn are_complete(self) -> bool {
        self.begun && self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    #[test]
    fn the_end_of_the_object_is_the_end() {
        let json = r#"{"a":"}\"}\\","b":[{"c":"]"}]}"#;
        let mut arguments = Arguments::default();
        for (index, character) in json.char_indices() {
            assert!(!arguments.are_complete(), "{index}");
            arguments.take(&character.to_string());
        }
        assert!(arguments.are_complete());
    }
}
