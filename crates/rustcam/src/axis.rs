//! Along one axis: which pixels of the region a pixel of the frame is made of.

use crate::frame_format::Resample;
use crate::geometry::Rect;

/// One pixel of the frame: `first·p[first] + middle·(p[first + 1] + … + p[last − 1]) + last·p[last]`, divided by the axis' total. With
/// `first == last` it is `first·p[first]`. The weights are whole numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) weights: Weights,
}

/// The weights of a span, as floats that hold whole numbers exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weights {
    pub(crate) first: f32,
    pub(crate) middle: f32,
    pub(crate) last: f32,
}

impl Span {
    /// The weight of pixel `index`, which is inside.
    pub(crate) fn weight_of(&self, index: u32) -> f64 {
        let Weights { first, middle, last } = self.weights;
        f64::from(match index {
            index if index == self.first => first,
            index if index == self.last => last,
            _ => middle,
        })
    }
}

/// How `from` pixels of a region become `to` pixels of a frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) spans: Vec<Span>,
    /// The sum of the weights of every span.
    pub(crate) total: f64,
    /// Every pixel stays as it is.
    pub(crate) is_identity: bool,
    /// Every pixel is a copy of one.
    pub(crate) copies: bool,
    from: u32,
}

impl Axis {
    pub(crate) fn new(resample: Resample, from: u32, to: u32) -> Self {
        let is_identity = from == to;
        let copies = is_identity || resample == Resample::Nearest;
        let (spans, total) = if copies {
            ((0..to).map(|i| nearest(from, to, i)).collect(), 1.0)
        } else if resample == Resample::Area && to < from {
            ((0..to).map(|i| mean(from, to, i)).collect(), f64::from(from))
        } else {
            ((0..to).map(|i| between(from, to, i)).collect(), 2.0 * f64::from(to))
        };
        Self { spans, total, is_identity, copies, from }
    }

    /// The pixels of the frame that pixels `first` to `end` (outside) of the region are part of, as a half-open range.
    pub(crate) fn touched(&self, first: u32, end: u32) -> (u32, u32) {
        let begin = self.spans.partition_point(|span| span.last < first);
        let stop = self.spans.partition_point(|span| span.first < end);
        (begin as u32, stop.max(begin) as u32)
    }

    /// The pixels of the region that pixels `first` to `end` (outside) of the frame are made of, as a half-open range.
    pub(crate) fn needed(&self, first: u32, end: u32) -> (u32, u32) {
        let spans = &self.spans[first as usize..end as usize];
        match (spans.first(), spans.last()) {
            (Some(begin), Some(stop)) => (begin.first, (stop.last + 1).min(self.from)),
            _ => (0, 0),
        }
    }

    /// The pixels of the region that `target`, pixels of the frame, are made of.
    pub(crate) fn needed_of(x: &Self, y: &Self, target: Rect) -> Rect {
        let (left, right) = x.needed(target.left as u32, target.right as u32);
        let (top, bottom) = y.needed(target.top as u32, target.bottom as u32);
        Rect::new(left as i32, top as i32, right as i32, bottom as i32)
    }

    /// The pixels of the frame that `part` of the region takes part in.
    pub(crate) fn touched_by(x: &Self, y: &Self, part: Rect) -> Rect {
        let (left, right) = x.touched(part.left as u32, part.right as u32);
        let (top, bottom) = y.touched(part.top as u32, part.bottom as u32);
        let touched = Rect::new(left as i32, top as i32, right as i32, bottom as i32);
        if touched.is_empty() {
            return Rect::default();
        }
        touched
    }
}

fn nearest(from: u32, to: u32, i: u32) -> Span {
    let at = (2 * u64::from(i) + 1) * u64::from(from) / (2 * u64::from(to));
    let at = at as u32;
    Span { first: at, last: at, weights: Weights { first: 1.0, ..Weights::default() } }
}

/// In units of 1/`to` of a pixel the frame's pixel begins at `i·from` and the region's pixel `j` at `j·to`.
fn mean(from: u32, to: u32, i: u32) -> Span {
    let (from, to) = (u64::from(from), u64::from(to));
    let (begin, end) = (u64::from(i) * from, (u64::from(i) + 1) * from);
    let (first, last) = (begin / to, (end - 1) / to);
    let weights =
        Weights { first: ((first + 1) * to - begin) as f32, middle: to as f32, last: (end - last * to) as f32 };
    Span { first: first as u32, last: last as u32, weights }
}

/// In units of 1/(2·`to`) of a pixel the centre of the frame's pixel is at `(2i + 1)·from`, and those of the region's pixels at
/// `(2j + 1)·to`. Outside the outermost centres the pixel at the edge is repeated.
fn between(from: u32, to: u32, i: u32) -> Span {
    let (n, m) = (i64::from(from), i64::from(to));
    let at = (2 * i64::from(i) + 1) * n - m;
    let (before, part) = (at.div_euclid(2 * m), at.rem_euclid(2 * m));
    let (first, last) = (before.clamp(0, n - 1), (before + 1).clamp(0, n - 1));
    let whole = (2 * m) as f32;
    let weights = if first == last {
        Weights { first: whole, ..Weights::default() }
    } else {
        Weights { first: (2 * m - part) as f32, middle: 0.0, last: part as f32 }
    };
    Span { first: first as u32, last: last as u32, weights }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(span: &Span) -> f64 {
        let Weights { first, middle, last } = span.weights;
        let between = f64::from(span.last - span.first) - 1.0;
        if span.first == span.last {
            f64::from(first)
        } else {
            f64::from(first) + f64::from(middle) * between + f64::from(last)
        }
    }

    #[test]
    fn weights_of_every_span_add_up_to_the_total() {
        for resample in [Resample::Area, Resample::Bilinear, Resample::Nearest] {
            for (from, to) in [(1, 1), (1, 7), (7, 1), (7, 3), (3, 7), (1920, 224), (224, 1920), (65535, 3), (3, 4096)]
            {
                let axis = Axis::new(resample, from, to);
                assert_eq!(axis.spans.len(), to as usize);
                for span in &axis.spans {
                    assert!(span.first <= span.last && span.last < from, "{from} to {to}: {span:?}");
                    let error = (sum(span) - axis.total).abs();
                    assert!(error < 0.5, "whole numbers, {from} to {to}: {span:?}");
                }
            }
        }
    }

    #[test]
    fn what_a_pixel_touches_needs_it() {
        for resample in [Resample::Area, Resample::Bilinear, Resample::Nearest] {
            for (from, to) in [(7, 3), (3, 7), (20, 20), (100, 9), (9, 100)] {
                let axis = Axis::new(resample, from, to);
                for j in 0..from {
                    let (begin, end) = axis.touched(j, j + 1);
                    for (i, span) in axis.spans.iter().enumerate() {
                        let used = (span.first..=span.last).contains(&j);
                        assert!(!used || (begin..end).contains(&(i as u32)), "{from} to {to}: {j} is in {i}");
                    }
                    if begin < end {
                        let (first, stop) = axis.needed(begin, end);
                        assert!(first <= j && j < stop, "{resample:?} {from} to {to}: {j} in {first}..{stop}");
                    }
                }
            }
        }
    }
}
