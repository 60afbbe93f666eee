# Predictions of the test rows against their targets, a panel for each batch size; on the diagonal they are equal.
canvas_width = 720 * words(batches)
canvas_height = 780
load 'style.gp'
load 'batches.gp'
undefine canvas_*
of_data_set(name) = strcol('data_set') eq data_set ? column(name) : NaN
stats '../predictions.csv' using (of_data_set('target')):(of_data_set('prediction')) name 'all' nooutput
lowest = all_min_x < all_min_y ? all_min_x : all_min_y
highest = all_max_x > all_max_y ? all_max_x : all_max_y
width = highest > lowest ? highest - lowest : 1.0

# Two to four labels on each axis, at round numbers.
unit = 10.0**floor(log10(width))
step = width < 2 * unit ? unit / 2 : width < 5 * unit ? unit : 2 * unit
set tics step

set multiplot layout 1, words(batches) title heading
set size square
set xrange [lowest - 0.03 * width : highest + 0.03 * width]
set yrange [lowest - 0.03 * width : highest + 0.03 * width]
set xlabel 'target of the test row'
set ylabel 'prediction'
set key top left reverse Left samplen 1.5
do for [i = 1:words(batches)] {
    set title batch_name(i)
    plot '../predictions.csv' using (of_batch(i, 'target')):(of_batch(i, 'prediction')) \
             with points pointtype 7 pointsize 0.4 linecolor rgb colour(i) title 'test rows', \
         x with lines linewidth 1 linecolor rgb '#404040' title 'prediction = target'
}
unset multiplot
unset output
reset
