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

stats '../history.csv' using (column('training_loss') > 0 ? column('training_loss') : NaN) name 'loss' nooutput
set logscale y
axis = 'y'; low = loss_min; high = loss_max; whole = 0; load 'tics.gp'
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
