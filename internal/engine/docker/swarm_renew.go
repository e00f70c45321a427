package docker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"maillab/internal/engine"
)

// A record's contents never change. So renewed certificates are the contents of a config of their own, and the record says by what
// their names end which are in force (docs/decisions/0146). Killed half-way, the next renewal finds gateways that have others than those.

// renewedMesh is such a config, and labelMeshOf on it whose; it has no other label of ours, or it would be one of the instance's resources.
const (
	renewedMesh = "mesh"
	labelMeshOf = "maillab.mesh-of"
)

// Renew implements engine.Renewer.
func (s *Swarm) Renew(ctx context.Context, instance string) error {
	err := s.keys.renew(ctx, instance)
	if err == nil {
		err = s.gateways.renew(ctx, instance)
	}
	return explain(err, "renew the certificates of %s", instance)
}

// renew makes certificates that take the place of those that end soon.
func (k meshKeys) renew(ctx context.Context, instance string) error {
	set, _, err := k.set(ctx, instance)
	if err != nil {
		return err
	}
	next, err := set.RenewedMesh(instance, k.now())
	if err != nil || next.Equal(set) {
		return err
	}
	suffix, data, err := k.hand(ctx, instance, next)
	if err != nil {
		return err
	}
	_, err = k.api.ConfigCreate(ctx, swarm.ConfigSpec{Data: data, Annotations: swarm.Annotations{
		Name: secretName(instance, renewedMesh, suffix), Labels: map[string]string{labelMeshOf: instance},
	}})
	if err != nil {
		return err
	}
	return k.records.edit(ctx, socketName(instance), func(labels map[string]string) bool {
		labels[labelSecrets] = suffix
		return true
	})
}

// renewPatience is how long it may take until each node has a gateway with other certificates, one after the other.
const renewPatience = 2 * time.Minute

// renew gives gateways the certificates in force, unless they have them: Swarm starts them anew, one after the other.
func (g gateways) renew(ctx context.Context, instance string) error {
	_, suffix, err := g.keys.set(ctx, instance)
	if err != nil {
		return err
	}
	refs, err := g.keys.refs(ctx, instance, suffix)
	if err != nil {
		return err
	}
	r := engine.Resource{Kind: engine.Gateway, Instance: instance}
	changed := false
	err = g.manager.change(ctx, r, func(spec *swarm.ServiceSpec) bool {
		container := spec.TaskTemplate.ContainerSpec
		changed = !slices.EqualFunc(container.Secrets, refs, func(a, b *swarm.SecretReference) bool { return a.SecretID == b.SecretID })
		container.Secrets = refs
		return changed
	})
	if err != nil || !changed {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, renewPatience)
	defer cancel()
	if err := g.awaitRenewed(ctx, r, refs[0].SecretID); err != nil {
		return fmt.Errorf("not every gateway has them: %w", err)
	}
	return g.keys.remove(ctx, instance, suffix)
}

// awaitRenewed waits until each node that answers and has a gateway has one with a secret.
func (g gateways) awaitRenewed(ctx context.Context, r engine.Resource, secret string) error {
	found, err := g.manager.service(ctx, r)
	for err == nil {
		v, failed := g.manager.next(ctx, r.Instance)
		if err = failed; err != nil {
			break
		}
		old, renewed := 0, 0
		for _, t := range v.tasks {
			if t.ServiceID != found.ID || !answers(v.nodes[t.NodeID]) || ended(t) {
				continue
			}
			c := t.Spec.ContainerSpec
			if c != nil && len(c.Secrets) > 0 && c.Secrets[0].SecretID == secret && runs(t, v.nodes) {
				renewed++
			} else {
				old++
			}
		}
		if old == 0 && renewed > 0 {
			return nil
		}
	}
	return err
}
