//! What was measured, as text.

use crate::clients::Client;
use crate::launch::Cost;

/// A work, and what every client took for it, turn by turn; `None` where it failed.
pub(crate) struct Cell {
    pub(crate) title: String,
    pub(crate) costs: Vec<(&'static str, Vec<Option<Cost>>)>,
    /// Whom the others are compared with.
    pub(crate) against: Vec<&'static str>,
}

impl Cell {
    /// Every client once a turn, forward and back.
    pub(crate) fn measure(
        title: String,
        turns: usize,
        clients: &[Client],
        against: &[Client],
        mut run: impl FnMut(Client) -> Option<Cost>,
    ) -> Self {
        let mut costs = vec![Vec::new(); clients.len()];
        for turn in 0..turns {
            let mut order: Vec<usize> = (0..clients.len()).collect();
            if turn % 2 == 1 {
                order.reverse();
            }
            for index in order {
                let costs: &mut Vec<Option<Cost>> = &mut costs[index];
                // What failed twice is not tried again.
                if costs.iter().filter(|it| it.is_none()).count() < 2 {
                    costs.push(run(clients[index]));
                }
            }
        }
        let names = clients.iter().map(|client| client.name());
        Self {
            title,
            costs: names.zip(costs).collect(),
            against: against.iter().map(|client| client.name()).collect(),
        }
    }

    /// Medians of the wall times.
    pub(crate) fn medians(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let wall = |costs: &[Option<Cost>]| median(costs.iter().flatten().map(|cost| cost.wall));
        (self.costs.iter()).filter_map(move |(name, costs)| Some((*name, wall(costs)?)))
    }

    pub(crate) fn print(&self) {
        println!("\n{}", self.title);
        print!(
            "{:10} {:>8} {:>17} {:>11} {:>8}",
            "", "wall s", "spread s", "processor s", "peak MB"
        );
        for other in &self.against {
            print!(" {:>18}", format!("x {other}"));
        }
        println!();
        for (name, costs) in &self.costs {
            let of = |part: fn(&Cost) -> f64| costs.iter().flatten().map(part);
            let Some(wall) = median(of(|cost| cost.wall)) else {
                println!("{name:10} failed");
                continue;
            };
            let least = of(|cost| cost.wall).fold(f64::MAX, f64::min);
            let most = of(|cost| cost.wall).fold(0.0, f64::max);
            let processor = median(of(|cost| cost.processor)).unwrap_or(f64::NAN);
            let peak = median(of(|cost| cost.peak)).unwrap_or(f64::NAN);
            print!("{name:10} {wall:8.3} {least:8.3}-{most:8.3} {processor:11.4} {peak:8.1}");
            for other in &self.against {
                let wall = self.ratio(costs, other, |cost| cost.wall);
                let processor = self.ratio(costs, other, |cost| cost.processor);
                print!(" {:>18}", format!("{wall:.2} (cpu {processor:.2})"));
            }
            println!();
        }
    }

    /// The median of the ratios within a turn.
    fn ratio(&self, costs: &[Option<Cost>], other: &str, part: fn(&Cost) -> f64) -> f64 {
        let theirs = self.costs.iter().find(|(name, _)| *name == other);
        let pairs = costs.iter().zip(theirs.iter().flat_map(|(_, costs)| costs));
        let within =
            pairs.filter_map(|(its, other)| Some(part(its.as_ref()?) / part(other.as_ref()?)));
        median(within).unwrap_or(f64::NAN)
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        even if even % 2 == 0 => Some(f64::midpoint(values[middle - 1], values[middle])),
        _ => Some(values[middle]),
    }
}
