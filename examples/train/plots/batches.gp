# One curve for each batch size of the data set that is being drawn.
batch(i) = int(word(batches, i))
batch_name(i) = batch(i) == 1 ? 'per sample' : 'mini-batches of '.batch(i)
# What a logarithmic axis has no place for is left out.
positive(name) = strcol('data_set') eq data_set && column(name) > 0 ? column(name) : NaN
of_batch(i, name) = strcol('data_set') eq data_set && column('batch_size') == batch(i) ? column(name) : NaN
