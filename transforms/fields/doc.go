// Package fields turns the fields of a row into values: times, numbers, lists
// of floats and text, and finds the columns of a header.
//
// Inputs are told from their first rows and are then read strictly: a value
// that does not fit is an error that shows it and says what to do, for a time
// in the wrong unit or a missing one that became 1970 would spoil every
// history it stands in without anybody noticing.
//
// Errors do not say where the value stands; callers know file, line and column.
package fields
