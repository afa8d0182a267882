//! What the gate and the attempts of a request tell each other: one filter state object, as every host call costs. The plan,
//! with its length before it, and behind it who was tried so far, and what came of it: lines of [`crate::audit::Tried`].

use super::hostcalls;

/// The filter state object.
const STATE: &str = "keyward.plan";

/// Writes it.
pub fn write(plan: &[u8], tried: &str) {
    let length = u32::try_from(plan.len()).unwrap_or(0).to_le_bytes();
    hostcalls::set_property(STATE, &[&length, plan, tried.as_bytes()].concat());
}

/// Reads it: the plan, and who was tried. Both are empty where there is none.
pub fn read() -> (Vec<u8>, String) {
    let mut state = hostcalls::property(STATE).unwrap_or_default();
    let Some((length, rest)) = state.split_first_chunk::<4>() else { return Default::default() };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let Some((_, tried)) = rest.split_at_checked(length) else { return Default::default() };
    let tried = String::from_utf8(tried.to_vec()).unwrap_or_default();
    state.drain(..4);
    state.truncate(length);
    (state, tried)
}
