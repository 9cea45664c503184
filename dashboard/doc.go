// Package dashboard serves what people and programs look at: the web page, the
// JSON API behind it, health, and metrics. It knows HTTP and who may do what, and
// nothing of fleets: what is known comes from Views, what is ordered goes to Orders.
//
//	request ─► host ─► method ─► origin ─► token ─► view or order ─► JSON
//
// Reading is open on loopback and needs the token elsewhere. Changing always needs
// the token, in a header that no other site can have a browser send.
package dashboard
