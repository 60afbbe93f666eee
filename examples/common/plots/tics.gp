# Labels on a logarithmic axis that runs from `low` to `high`: `axis` is x or y. A curve may well stay inside a decade,
# where gnuplot itself would write one label or none. `whole` is 1 where only whole numbers make sense.
if (high <= low) {
    high = 1.1 * low
    eval sprintf('set %srange [%.12g:%.12g]', axis, low / 1.1, high)
}
eval 'set '.axis.'tics ()'
if (high < 3 * low) {
    # A few labels at equal steps of 1, 2 or 5.
    step = (high - low) / 4
    unit = 10.0**floor(log10(step))
    step = unit * (step < 1.5 * unit ? 1 : step < 3.5 * unit ? 2 : step < 7.5 * unit ? 5 : 10)
    if (whole && step < 1) { step = 1 }
    do for [i = int(ceil(low / step)):int(floor(high / step))] {
        eval sprintf('set %stics add (%.12g)', axis, i * step)
    }
} else {
    decades = log10(high / low)
    within = decades > 4 ? '1' : decades > 2 ? '1 2 5' : decades > 1.3 ? '1 2 3 5' : whole ? '1 2 3 4 5 7' : '1 1.5 2 3 4 5 7'
    do for [e = int(floor(log10(low))):int(ceil(log10(high)))] {
        do for [digit in within] { eval sprintf('set %stics add (%s * 10.0**%d)', axis, digit, e) }
    }
}
