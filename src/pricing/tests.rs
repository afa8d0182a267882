//! What money and prices promise.
#![expect(clippy::arithmetic_side_effects, reason = "tests may overflow: they fail then")]

use proptest::prelude::*;

use super::{Demand, NanoUsd, ParseUsdError, Price, reserve_demand};
use crate::metering::Usage;

fn usd(text: &str) -> NanoUsd {
    text.parse().unwrap()
}

/// Dollars per million tokens: input 3, cached 0.30, write 3.75, write for an hour 6, output 15, reasoning 20.
fn full_price() -> Price {
    Price {
        input: usd("3"),
        cached_input: Some(usd("0.30")),
        cache_write: Some(usd("3.75")),
        cache_write_1h: Some(usd("6")),
        output: usd("15"),
        reasoning: Some(usd("20")),
        request: NanoUsd(0),
    }
}

fn plain_price() -> Price {
    Price { input: usd("3"), output: usd("15"), ..Price::default() }
}

#[test]
fn each_part_of_a_usage_costs_its_own_rate() {
    let none = Usage::default();
    let million = 1_000_000;
    for (usage, full, plain) in [
        (none, "0", "0"),
        (Usage { input: million, ..none }, "3", "3"),
        (Usage { input: million, cached: million, ..none }, "0.3", "3"),
        (Usage { input: million, cached: 400_000, ..none }, "1.92", "3"),
        (Usage { input: million, cache_write: million, ..none }, "3.75", "3"),
        (Usage { input: million, cache_write: million, cache_write_1h: million, ..none }, "6", "3"),
        (Usage { input: million, cache_write: million, cache_write_1h: 500_000, ..none }, "4.875", "3"),
        (Usage { input: million, cached: 500_000, cache_write: 200_000, ..none }, "1.8", "3"),
        (Usage { output: million, ..none }, "15", "15"),
        (Usage { output: million, reasoning: million, ..none }, "20", "15"),
        (Usage { output: million, reasoning: 200_000, ..none }, "16", "15"),
        (Usage { input: million, output: million, ..none }, "18", "18"),
    ] {
        assert_eq!(full_price().cost(&usage), usd(full), "{usage:?}");
        assert_eq!(plain_price().cost(&usage), usd(plain), "{usage:?} without further rates");
    }
}

#[test]
fn a_write_for_an_hour_costs_as_any_write_where_it_has_no_rate() {
    let price = Price { cache_write: Some(usd("3.75")), ..plain_price() };
    let usage = Usage { input: 1_000_000, cache_write: 1_000_000, cache_write_1h: 1_000_000, ..Usage::default() };
    assert_eq!(price.cost(&usage), usd("3.75"));
}

#[test]
fn parts_larger_than_their_whole_are_never_charged_below_zero_nor_twice() {
    let none = Usage::default();
    for (usage, cost) in [
        (Usage { input: 10, cached: 1_000_000, ..none }, "0.3"),
        (Usage { input: 1_000_000, cached: 1_000_000, cache_write: 1_000_000, ..none }, "4.05"),
        (Usage { input: 1_000_000, cache_write: 1_000_000, cache_write_1h: 9_000_000, ..none }, "6"),
        (Usage { output: 1_000_000, reasoning: 9_000_000, ..none }, "20"),
    ] {
        assert_eq!(full_price().cost(&usage), usd(cost), "{usage:?}");
    }
}

#[test]
fn a_cost_rounds_up_once_and_not_per_part() {
    // 0.000000001 dollars per million tokens: each token costs a millionth of a nano-dollar.
    let tiny = Price { input: NanoUsd(1), output: NanoUsd(1), ..Price::default() };
    assert_eq!(tiny.cost(&Usage { input: 1, output: 1, ..Usage::default() }), NanoUsd(1));
    assert_eq!(tiny.cost(&Usage { input: 999_999, output: 1, ..Usage::default() }), NanoUsd(1));
    assert_eq!(tiny.cost(&Usage { input: 999_999, output: 2, ..Usage::default() }), NanoUsd(2));
    assert_eq!(tiny.cost(&Usage::default()), NanoUsd(0));
}

#[test]
fn a_charge_per_request_comes_on_top_of_nothing_too() {
    let image = Price { request: usd("0.04"), ..Price::default() };
    assert_eq!(image.cost(&Usage::default()), usd("0.04"));
    let both = Price { request: usd("0.01"), ..plain_price() };
    assert_eq!(both.cost(&Usage { input: 1_000, output: 1_000, ..Usage::default() }), usd("0.028"));
}

#[test]
fn a_cost_beyond_all_money_is_all_the_money_there_is() {
    let most = NanoUsd(u64::MAX);
    let dear = Price {
        input: most,
        cached_input: Some(most),
        cache_write: Some(most),
        cache_write_1h: Some(most),
        output: most,
        reasoning: Some(most),
        request: most,
    };
    let all = u64::MAX;
    let usage = Usage { input: all, cached: all, cache_write: all, cache_write_1h: all, output: all, reasoning: all };
    assert_eq!(dear.cost(&usage), most);
    assert_eq!(dear.most(all, all), most);
    assert_eq!(dear.cost(&Usage { output: 1, ..Usage::default() }), most);
}

#[test]
fn a_demand_is_the_dearest_of_all_targets_that_may_answer() {
    let cheap_input = Price { input: usd("1"), output: usd("40"), ..Price::default() };
    let prices = [Some(plain_price()), None, Some(cheap_input)];
    let of = |input, output| reserve_demand(prices.iter().map(Option::as_ref), input, output);
    assert_eq!(of(1_000_000, 0), Demand { input_tokens: 1_000_000, output_tokens: 0, cost: usd("3") });
    assert_eq!(of(0, 1_000_000).cost, usd("40"));
    assert_eq!(of(1_000_000, 1_000_000).cost, usd("41"));
    assert_eq!(of(7, 8).tokens(), 15);
    assert_eq!(reserve_demand([None], 7, 8), Demand { input_tokens: 7, output_tokens: 8, cost: NanoUsd(0) });
    assert_eq!(reserve_demand([], u64::MAX, 8).tokens(), u64::MAX);
}

#[test]
fn money_is_read_exactly_or_not_at_all() {
    for (text, nanos) in [
        ("0", 0),
        ("3", 3_000_000_000),
        ("2.50", 2_500_000_000),
        (".5", 500_000_000),
        ("5.", 5_000_000_000),
        ("0.000000001", 1),
        ("0.0000000010000", 1),
        ("00012", 12_000_000_000),
        ("18446744073.709551615", u64::MAX),
    ] {
        assert_eq!(text.parse(), Ok(NanoUsd(nanos)), "{text}");
    }
    for (text, error) in [
        ("-1", ParseUsdError::Negative),
        ("-", ParseUsdError::Negative),
        ("0.0000000001", ParseUsdError::TooFine),
        ("18446744073.709551616", ParseUsdError::TooLarge),
        ("99999999999999999999999", ParseUsdError::TooLarge),
        ("", ParseUsdError::NotADecimal),
        (".", ParseUsdError::NotADecimal),
        ("+1", ParseUsdError::NotADecimal),
        ("1e3", ParseUsdError::NotADecimal),
        ("1.2.3", ParseUsdError::NotADecimal),
        ("1,5", ParseUsdError::NotADecimal),
        (" 1", ParseUsdError::NotADecimal),
        ("$1", ParseUsdError::NotADecimal),
        ("NaN", ParseUsdError::NotADecimal),
        ("١", ParseUsdError::NotADecimal),
    ] {
        assert_eq!(text.parse::<NanoUsd>(), Err(error), "{text}");
    }
}

#[test]
fn money_is_shown_exactly_without_trailing_zeros() {
    for (nanos, text) in
        [(0, "0"), (1, "0.000000001"), (2_500, "0.0000025"), (12_000_000_000, "12"), (1_100_000_000, "1.1")]
    {
        assert_eq!(NanoUsd(nanos).to_string(), text);
    }
}

fn rate() -> impl Strategy<Value = NanoUsd> {
    (0_u64..200_000_000_000).prop_map(NanoUsd)
}

fn price() -> impl Strategy<Value = Price> {
    let some = || prop::option::of(rate());
    (rate(), some(), some(), some(), rate(), some(), 0_u64..1_000_000).prop_map(
        |(input, cached_input, cache_write, cache_write_1h, output, reasoning, request)| {
            let request = NanoUsd(request);
            Price { input, cached_input, cache_write, cache_write_1h, output, reasoning, request }
        },
    )
}

/// A usage whose parts fit into their wholes, as providers should report it.
fn usage() -> impl Strategy<Value = Usage> {
    let tokens = || 0_u64..2_000_000;
    (tokens(), tokens(), tokens(), tokens(), tokens(), tokens()).prop_map(
        |(fresh, cached, short, cache_write_1h, spoken, reasoning)| {
            let cache_write = short + cache_write_1h;
            let (input, output) = (fresh + cached + cache_write, spoken + reasoning);
            Usage { input, cached, cache_write, cache_write_1h, output, reasoning }
        },
    )
}

proptest! {
    #[test]
    fn what_is_shown_reads_back_as_the_same_amount(nanos in any::<u64>()) {
        prop_assert_eq!(NanoUsd(nanos).to_string().parse(), Ok(NanoUsd(nanos)));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[-+0-9.eE_ ]{0,40}") {
        let _ = text.parse::<NanoUsd>();
    }

    #[test]
    fn more_tokens_of_any_part_never_cost_less(price in price(), usage in usage(), more in 0_u64..1_000_000) {
        let cost = price.cost(&usage);
        // A part grows together with the whole it belongs to.
        let grown = [
            Usage { input: usage.input + more, ..usage },
            Usage { input: usage.input + more, cached: usage.cached + more, ..usage },
            Usage { input: usage.input + more, cache_write: usage.cache_write + more, ..usage },
            Usage {
                input: usage.input + more,
                cache_write: usage.cache_write + more,
                cache_write_1h: usage.cache_write_1h + more,
                ..usage
            },
            Usage { output: usage.output + more, ..usage },
            Usage { output: usage.output + more, reasoning: usage.reasoning + more, ..usage },
        ];
        for grown in grown {
            prop_assert!(price.cost(&grown) >= cost, "{grown:?}");
        }
    }

    #[test]
    fn two_requests_cost_what_they_cost_together_to_within_a_nano_dollar(price in price(), one in usage(), two in usage()) {
        let price = Price { request: NanoUsd(0), ..price };
        let both = Usage {
            input: one.input + two.input,
            cached: one.cached + two.cached,
            cache_write: one.cache_write + two.cache_write,
            cache_write_1h: one.cache_write_1h + two.cache_write_1h,
            output: one.output + two.output,
            reasoning: one.reasoning + two.reasoning,
        };
        let apart = price.cost(&one).0 + price.cost(&two).0;
        let together = price.cost(&both).0;
        prop_assert!(together <= apart && apart <= together + 1, "{apart} and {together}");
    }

    #[test]
    fn no_usage_within_a_demand_costs_more_than_it(prices in prop::collection::vec(prop::option::of(price()), 1..4), usage in usage()) {
        let demand = reserve_demand(prices.iter().map(Option::as_ref), usage.input, usage.output);
        for price in prices.iter().flatten() {
            prop_assert!(price.cost(&usage) <= demand.cost);
        }
    }

    #[test]
    fn any_usage_has_a_cost(price in price(), input in any::<u64>(), cached in any::<u64>(), cache_write in any::<u64>(),
                            cache_write_1h in any::<u64>(), output in any::<u64>(), reasoning in any::<u64>()) {
        let _ = price.cost(&Usage { input, cached, cache_write, cache_write_1h, output, reasoning });
    }
}
