# Loss in each epoch: in training the mean of the samples as they were met, in validation that after the epoch.
load 'style.gp'
load 'batches.gp'
stats '../history.csv' using (positive('training_loss')) name 'training' nooutput
stats '../history.csv' using (positive('validation_loss')) name 'validation' nooutput
stats '../history.csv' using (positive('epoch')) name 'epoch' nooutput
x_low = epoch_min; x_high = epoch_max; whole = 1
y_low = training_min < validation_min ? training_min : validation_min
y_high = training_max > validation_max ? training_max : validation_max
load 'logarithmic.gp'
dashes(kind) = kind eq 'training' ? 3 : 1
set title heading
set xlabel 'epoch'
set ylabel 'loss: '.loss
plot for [i = 1:words(batches)] for [kind in 'training validation'] '../history.csv' \
         using (of_batch(i, 'epoch')):(of_batch(i, kind.'_loss')) \
         with lines linewidth 2 dashtype dashes(kind) linecolor rgb colour(i) \
         title batch_name(i).', '.kind
unset output
reset
