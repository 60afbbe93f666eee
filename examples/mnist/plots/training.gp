# Training loss and test accuracy after each epoch against the time spent on training, a curve for each run.
canvas_width = 2000
canvas_height = 900
load 'style.gp'
undefine canvas_*
of_run(i, name) = column('run') == i ? column(name) : NaN

set multiplot layout 1, 2 title heading
set xlabel 'seconds of training'
set xrange [0:*]
set autoscale fix
set offsets 0, graph 0.05, graph 0.05, graph 0.05
set key below maxrows 2 Left reverse samplen 2
set bmargin 7  # the same for both panels, the left one's key names the runs

set logscale y
set ytics (1)
set for [e = -6:6] ytics add (10.0**e, 1.5 * 10.0**e, 2 * 10.0**e, \
     3 * 10.0**e, 4 * 10.0**e, 5 * 10.0**e, 6 * 10.0**e, 8 * 10.0**e)
set ylabel 'training loss: '.loss
plot for [i = 1:|runs|] '../history.csv' using (of_run(i, 'seconds')):(of_run(i, 'training_loss')) \
         with linespoints linewidth 2 pointtype 7 pointsize 0.8 linecolor rgb colour(i) title runs[i]

unset logscale y
set ytics autofreq
set ylabel 'test accuracy in percent'
plot for [i = 1:|runs|] '../history.csv' using (of_run(i, 'seconds')):(100 * of_run(i, 'test_accuracy')) \
         with linespoints linewidth 2 pointtype 7 pointsize 0.8 linecolor rgb colour(i), \
     100 * target with lines linewidth 1 dashtype 2 linecolor rgb '#404040' title sprintf('target: %g %%', 100 * target)
unset multiplot
unset output
reset
