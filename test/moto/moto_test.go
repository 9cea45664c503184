package moto_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"skynet/test/moto"
)

func TestMotoIsTheAccountThatTestsExpect(t *testing.T) {
	s := moto.Start(t)
	who, err := sts.NewFromConfig(s.Config()).GetCallerIdentity(context.Background(), &sts.GetCallerIdentityInput{})
	if err != nil || *who.Account != moto.Account {
		t.Fatalf("account %v, %v; its log:\n%s", who, err, s.Log())
	}
}
