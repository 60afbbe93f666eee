# Validation loss against the time spent on training: which batch size gets there first?
load 'style.gp'
load 'batches.gp'
stats '../history.csv' using (1000 * positive('seconds')) name 'time' nooutput
stats '../history.csv' using (positive('validation_loss')) name 'validation' nooutput
x_low = time_min; x_high = time_max; whole = 0
y_low = validation_min; y_high = validation_max
load 'logarithmic.gp'
set title heading
set xlabel 'time spent on training in milliseconds'
set ylabel 'validation loss: '.loss
plot for [i = 1:words(batches)] '../history.csv' \
         using (1000 * of_batch(i, 'seconds')):(of_batch(i, 'validation_loss')) \
         with linespoints linewidth 2 pointtype 7 pointsize 0.5 linecolor rgb colour(i) title batch_name(i)
unset output
reset
