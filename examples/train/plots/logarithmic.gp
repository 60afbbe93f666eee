# Two logarithmic axes for what lies between x_low and x_high, y_low and y_high.
set logscale xy
axis = 'x'; low = x_low; high = x_high; load 'tics.gp'
whole = 0
axis = 'y'; low = y_low; high = y_high; load 'tics.gp'
set autoscale fix
set offsets graph 0.02, graph 0.02, graph 0.05, graph 0.05
# Curves that fall leave the upper right corner free, unless there are many of them.
set key top right
if (words(batches) > 2) { set key rmargin Left reverse samplen 2 }
