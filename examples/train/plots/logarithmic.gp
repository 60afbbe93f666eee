# Two logarithmic axes, with labels within the decades too, as a curve may well stay inside one.
set logscale xy
set xtics (1)
set ytics (1)
set for [e = -12:12] xtics add (10.0**e, 2 * 10.0**e, 5 * 10.0**e)
set for [e = -12:12] ytics add (10.0**e, 2 * 10.0**e, 3 * 10.0**e, 5 * 10.0**e)
set autoscale fix
set offsets graph 0.02, graph 0.02, graph 0.05, graph 0.05
# Curves that fall leave the upper right corner free, unless there are many of them.
set key top right
if (words(batches) > 2) { set key rmargin Left reverse samplen 2 }
