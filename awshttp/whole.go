// Package awshttp mends what the AWS SDK's HTTP client does with answers that come at
// once.
package awshttp

import (
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Whole is a client of which a quick answer is not lost. The SDK closes a request's body
// when the answer's head is there; where net/http had sent all of it and was about to
// look whether there is more, it takes what smithy-go's body then says to WriteTo
// (io.EOF) for a failure, and closes the connection on which the answer is just
// arriving: "use of closed network connection". A body that can only be read ends in
// good order.
func Whole(next aws.HTTPClient) aws.HTTPClient { return whole{next} }

type whole struct{ aws.HTTPClient }

func (w whole) Do(r *http.Request) (*http.Response, error) {
	if r.ContentLength > 0 && r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return w.HTTPClient.Do(r)
}
