# Validation loss against the time spent on training: which batch size gets there first?
load 'style.gp'
load 'batches.gp'
load 'logarithmic.gp'
set title heading
set xlabel 'time spent on training in milliseconds'
set ylabel 'validation loss: '.loss
plot for [i = 1:words(batches)] '../history.csv' \
         using (1000 * of_batch(i, 'seconds')):(of_batch(i, 'validation_loss')) \
         with linespoints linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb colour(i) title batch_name(i)
unset output
reset
